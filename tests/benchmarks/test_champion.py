"""The champion of the user's registry is copied into the rig's registry to be measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import ConfigurationError, ModelNotFoundError
from schemas.settings import Settings
from tasador.bench.champion import copy_champion, find_champion
from tasador.bench.contenders.contender import CHAMPION, build_product
from tests.models import SmallModel


def test_without_a_registry_there_is_no_champion_and_nothing_is_created(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    assert find_champion(settings) is None
    assert not settings.home.exists()


def test_the_champion_is_found_by_alias_or_by_the_given_uri(own_model: SmallModel) -> None:
    settings, version = own_model.settings, own_model.info.version
    for model_uri in (None, f"models:/housing/{version}", "models:/housing@champion"):
        champion = find_champion(settings, model_uri)
        assert champion is not None
        assert champion.version == version
    own_model.registry.delete_alias("champion")
    assert find_champion(settings) is None
    with pytest.raises(ModelNotFoundError, match="no version 99"):
        find_champion(settings, "models:/housing/99")
    with pytest.raises(ConfigurationError, match="--model models:/obesity/1: must be models:/housing/VERSION"):
        find_champion(settings, "models:/obesity/1")


def test_the_copy_is_the_same_model_under_another_version(own_model: SmallModel) -> None:
    copy = copy_champion(own_model.info, own_model.settings, own_model.settings, own_model.info.run_id)
    assert copy.version != own_model.info.version
    assert (copy.algorithm, copy.data_sha256) == (own_model.info.algorithm, own_model.info.data_sha256)
    contender = build_product(copy)
    assert (contender.name, contender.model) == (CHAMPION, copy)
    assert contender.title == f"tasador consumer with the champion ({copy.algorithm})"
