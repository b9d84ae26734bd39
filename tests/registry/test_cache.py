from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from registry.cache import ModelCache
from registry.digest import digest_of
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from schemas.states import DesiredModel
from tests.models import SmallModel


def desired(folder: Path, digest: str | None = None, uri: str | None = None) -> DesiredModel:
    return DesiredModel(activation="1-0", version="1", digest=digest or digest_of(folder), uri=uri or str(folder))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fake_model(folder: Path, content: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(content)
    return folder


def test_a_model_is_fetched_once_into_a_folder_named_by_its_digest(small_model: SmallModel, tmp_path: Path) -> None:
    cache = ModelCache(tmp_path)
    folder = cache.fetch(small_model.desired("1-0"))
    assert folder == tmp_path / small_model.info.digest
    assert digest_of(folder) == small_model.info.digest
    inode = folder.stat().st_ino
    assert cache.fetch(small_model.desired("2-0")).stat().st_ino == inode
    assert names_in(tmp_path) == [small_model.info.digest]


def test_a_file_uri_works_like_a_path(small_model: SmallModel, tmp_path: Path) -> None:
    model = desired(small_model.folder, uri=small_model.folder.as_uri())
    assert ModelCache(tmp_path).fetch(model).name == small_model.info.digest


def test_a_local_model_needs_no_mlflow(small_model: SmallModel, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from registry.cache import ModelCache; import registry.loading;"
        "from schemas.states import DesiredModel;"
        "ModelCache(Path(sys.argv[1])).fetch(DesiredModel.model_validate_json(sys.argv[2]));"
        "sys.exit(bool({'mlflow', 'sklearn', 'xgboost'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", script, str(tmp_path), small_model.desired("1-0").model_dump_json()]
    assert subprocess.run(command, check=False).returncode == 0


def test_a_tampered_artifact_is_not_kept(model_folder: Path, small_model: SmallModel, tmp_path: Path) -> None:
    (model_folder / "card.json").write_text("{}")
    with pytest.raises(ModelRejectedError) as caught:
        ModelCache(tmp_path / "cache").fetch(desired(model_folder, small_model.info.digest))
    assert caught.value.check == "digest"
    assert names_in(tmp_path / "cache") == []


def test_a_link_in_an_artifact_is_rejected(tmp_path: Path) -> None:
    folder = fake_model(tmp_path / "model", "{}")
    digest = digest_of(folder)
    (folder / "card.json").rename(tmp_path / "card.json")
    (folder / "card.json").symlink_to(tmp_path / "card.json")
    with pytest.raises(ModelRejectedError, match="not a regular file"):
        ModelCache(tmp_path / "cache").fetch(desired(folder, digest))


def test_a_model_damaged_on_disk_is_fetched_again(tmp_path: Path) -> None:
    folder = fake_model(tmp_path / "model", "whole")
    cache = ModelCache(tmp_path / "cache")
    (cache.fetch(desired(folder)) / "card.json").write_text("damaged")
    assert (cache.fetch(desired(folder)) / "card.json").read_text() == "whole"


@pytest.mark.parametrize("digest", ["", "../../etc", "A" * 64, "0" * 63])
def test_an_invalid_digest_never_becomes_a_path(tmp_path: Path, digest: str) -> None:
    model = DesiredModel(activation="1-0", version="1", digest=digest, uri=str(tmp_path))
    with pytest.raises(ModelRejectedError, match="no digest"):
        ModelCache(tmp_path / "cache").fetch(model)


def test_a_missing_artifact_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ModelRejectedError, match="does not exist"):
        ModelCache(tmp_path / "cache").fetch(desired(tmp_path, "0" * 64, str(tmp_path / "gone")))


def test_an_artifact_on_a_server_needs_the_servers_address(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailableError, match="TASADOR_MLFLOW_URI"):
        ModelCache(tmp_path).fetch(desired(tmp_path, "0" * 64, "mlflow-artifacts:/1/models/m-1/artifacts"))


def test_a_model_downloaded_by_mlflow_is_checked_and_cached(small_model: SmallModel, tmp_path: Path) -> None:
    tracking_uri = small_model.registry.tracking_uri
    uri = f"runs:/{small_model.info.run_id}/model"
    client = small_model.registry.client
    client.log_artifacts(small_model.info.run_id, str(small_model.folder), "model")
    cache = ModelCache(tmp_path / "cache", tracking_uri)
    folder = cache.fetch(desired(small_model.folder, small_model.info.digest, uri))
    assert digest_of(folder) == small_model.info.digest
    assert names_in(tmp_path / "cache") == [small_model.info.digest]
    with pytest.raises(RegistryUnavailableError, match="MLflow at sqlite"):
        cache.fetch(desired(small_model.folder, "0" * 64, "runs:/nothing/model"))


def test_only_the_most_recently_used_models_are_kept(tmp_path: Path) -> None:
    cache = ModelCache(tmp_path / "cache", keep=2)
    models = [desired(fake_model(tmp_path / str(number), str(number))) for number in range(3)]
    for age_s, model in zip((30, 20, 10), models, strict=True):
        os.utime(cache.fetch(model), (time.time() - age_s,) * 2)
    assert names_in(tmp_path / "cache") == sorted(model.digest for model in models[1:])
    cache.fetch(models[1])
    cache.fetch(models[0])
    assert names_in(tmp_path / "cache") == sorted(model.digest for model in models[:2])


def test_the_temporary_folder_of_a_dead_process_is_removed(tmp_path: Path) -> None:
    old = fake_model(tmp_path / "cache" / ".temporary-dead" / "model", "half").parent
    young = fake_model(tmp_path / "cache" / ".temporary-busy" / "model", "half").parent
    os.utime(old, (0, 0))
    ModelCache(tmp_path / "cache").fetch(desired(fake_model(tmp_path / "model", "whole")))
    assert not old.exists()
    assert young.exists()


FETCH = (
    "import sys; from pathlib import Path; from registry.cache import ModelCache;"
    "from schemas.states import DesiredModel;"
    "models = [DesiredModel.model_validate_json(model) for model in sys.argv[2:]];"
    "contents = [(ModelCache(Path(sys.argv[1])).fetch(m) / 'card.json').read_text() for m in models * 8];"
    "sys.exit(contents != ['0', '1', '2', '3'] * 8)"
)


def test_processes_that_fetch_concurrently_all_get_complete_models(tmp_path: Path) -> None:
    models = [desired(fake_model(tmp_path / str(number), str(number))) for number in range(4)]
    command = [sys.executable, "-c", FETCH, str(tmp_path / "cache"), *(model.model_dump_json() for model in models)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert names_in(tmp_path / "cache") == sorted(model.digest for model in models)
