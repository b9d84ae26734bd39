"""The model in charge of the user's registry is measured as a version of the rig's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.champion import adopt, find_champion
from benchmarks.contenders import CHAMPION, build_product
from schemas.errors import ConfigurationError, ModelNotFoundError
from schemas.settings import Settings
from tests.models import SmallModel


def test_there_is_none_where_nothing_was_trained_and_nothing_is_created(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    assert find_champion(settings) is None
    assert not settings.home.exists()


def test_it_is_found_by_its_alias_or_by_the_name_that_is_given(own_model: SmallModel) -> None:
    settings, version = own_model.settings, own_model.info.version
    for named in (None, f"models:/housing/{version}", "models:/housing@champion"):
        found = find_champion(settings, named)
        assert found is not None
        assert found.version == version
    own_model.registry.delete_alias("champion")
    assert find_champion(settings) is None
    with pytest.raises(ModelNotFoundError, match="no version 99"):
        find_champion(settings, "models:/housing/99")
    with pytest.raises(ConfigurationError, match="--model models:/obesity/1: name models:/housing/VERSION"):
        find_champion(settings, "models:/obesity/1")


def test_its_copy_belongs_to_the_rig_and_is_the_same_model(own_model: SmallModel) -> None:
    copy = adopt(own_model.info, own_model.settings, own_model.settings, own_model.info.run_id)
    assert copy.version != own_model.info.version
    assert (copy.algorithm, copy.data_sha256) == (own_model.info.algorithm, own_model.info.data_sha256)
    contender = build_product(copy)
    assert (contender.name, contender.model) == (CHAMPION, copy)
    assert contender.title == f"tasador consumer with the champion ({copy.algorithm})"
