from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from registry.digest import check_digest, digest_of
from schemas.errors import ModelRejectedError
from tests.models import SmallModel


def test_the_digest_is_the_registered_one_and_that_of_every_copy(small_model: SmallModel, model_folder: Path) -> None:
    assert digest_of(small_model.folder) == digest_of(model_folder) == small_model.info.digest


@pytest.mark.parametrize(
    "name", ["model.skops", "booster-0.ubj", "serving.json", "card.json", "golden.parquet", "MLmodel"]
)
def test_a_changed_byte_in_any_file_changes_the_digest(small_model: SmallModel, model_folder: Path, name: str) -> None:
    content = bytearray((model_folder / name).read_bytes())
    content[-1] ^= 1
    (model_folder / name).write_bytes(content)
    with pytest.raises(ModelRejectedError, match="has been changed") as caught:
        check_digest(model_folder, small_model.info.digest)
    assert caught.value.check == "digest"


def test_a_moved_added_or_missing_file_changes_the_digest(model_folder: Path) -> None:
    digests = {digest_of(model_folder)}
    (model_folder / "more").write_text("x")
    digests.add(digest_of(model_folder))
    (model_folder / "sub").mkdir()
    (model_folder / "more").rename(model_folder / "sub" / "more")
    digests.add(digest_of(model_folder))
    shutil.rmtree(model_folder / "sub")
    (model_folder / "conda.yaml").unlink()
    digests.add(digest_of(model_folder))
    assert len(digests) == 4


def test_the_file_that_mlflow_writes_when_it_loads_a_model_is_ignored(
    small_model: SmallModel, model_folder: Path
) -> None:
    (model_folder / "registered_model_meta").write_text("model_name: housing\n")
    check_digest(model_folder, small_model.info.digest)


@pytest.mark.parametrize("target", ["card.json", "/etc/hostname", "../elsewhere", "."])
def test_a_link_is_rejected_whatever_its_target(model_folder: Path, target: str) -> None:
    (model_folder / "link").symlink_to(target)
    with pytest.raises(ModelRejectedError, match="'link', which is not a regular file"):
        digest_of(model_folder)


def test_a_pipe_and_an_ambiguous_name_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a" / "pipe")
    with pytest.raises(ModelRejectedError, match="a/pipe"):
        digest_of(tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two\nlines").write_text("")
    with pytest.raises(ModelRejectedError, match="two"):
        digest_of(tmp_path / "b")


def test_a_missing_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ModelRejectedError, match="no stored model"):
        digest_of(tmp_path / "none")
