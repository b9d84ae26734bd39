"""Models come only from the configured registry, whatever the desired model's URI."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

from registry.cache import ModelCache
from registry.location import check_location, database_of, sqlite_uri_of
from schemas.errors import ModelRejectedError
from schemas.states import DesiredModel
from tests.folders import AWKWARD_NAME
from tests.models import SmallModel, train_small_model
from transport.address import without_password

SERVER = "http://mlflow:5000"


@pytest.mark.parametrize(
    "uri",
    [
        "/etc",
        "file:///etc",
        "/srv/artifacts-of-others/m",
        "/srv/artifacts/../secrets",
        "file:///srv/artifacts/%2e%2e/secrets",
        "s3://bucket/model",
        "ftp://elsewhere/model",
        "https://elsewhere/model.zip",
        "mlflow-artifacts://elsewhere:5000/1/models/m",
    ],
)
def test_a_model_outside_the_artifact_folder_is_rejected(uri: str) -> None:
    with pytest.raises(ModelRejectedError) as caught:
        check_location(uri, "sqlite:////srv/mlflow.db")
    assert caught.value.check == "location"


@pytest.mark.parametrize(
    "uri",
    [
        "/srv/artifacts/housing/m",
        "file:///etc",
        "s3://bucket/model",
        "dbfs:/model",
        "mlflow-artifacts://elsewhere:5000/1/models/m",
        "mlflow-artifacts://mlflow:5001/1/models/m",
        "mlflow-artifacts:/1/models/../../../etc",
        "mlflow-artifacts:/1/models/%2e%2e/%2e%2e/etc",
    ],
)
def test_a_model_from_elsewhere_than_the_server_is_rejected(uri: str) -> None:
    with pytest.raises(ModelRejectedError) as caught:
        check_location(uri, SERVER)
    assert caught.value.check == "location"


def test_uris_that_the_registry_returns_are_accepted() -> None:
    check_location("/srv/artifacts/housing/m", "sqlite:////srv/mlflow.db")
    check_location("file:///srv/artifacts/housing/m", "sqlite:////srv/mlflow.db")
    check_location("mlflow-artifacts:/1/models/m", SERVER)
    check_location("mlflow-artifacts://mlflow:5000/1/models/m", "http://user:word@mlflow:5000")
    check_location("models:/housing/7", SERVER)


def test_an_ordinary_path_stays_readable_in_the_uri() -> None:
    assert sqlite_uri_of(Path("/home/é b/mlflow.db")) == "sqlite:////home/é b/mlflow.db"


@pytest.mark.parametrize("name", [AWKWARD_NAME, "%", "?", "#", "a@b", "{x}", "%2e%2e", "two\nlines"])
def test_a_path_with_any_character_is_found_again(tmp_path: Path, name: str) -> None:
    database = tmp_path / name / "mlflow.db"
    uri = sqlite_uri_of(database)
    assert database_of(uri) == database
    assert without_password(uri) == uri, "it is not taken for a password"
    check_location(str(tmp_path / name / "artifacts" / "m"), uri)
    check_location((tmp_path / name / "artifacts" / "m").as_uri(), uri)
    with pytest.raises(ModelRejectedError):
        check_location(str(tmp_path / name / "other" / "m"), uri)
    engine = sqlalchemy.create_engine(uri)
    database.parent.mkdir()
    with engine.connect():
        assert database.is_file()
    engine.dispose()


def test_a_registry_works_in_a_home_and_a_current_folder_of_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / AWKWARD_NAME
    folder.mkdir()
    monkeypatch.chdir(folder)
    model = train_small_model(Path("-home"))
    assert [info.version for info in model.registry.versions()] == ["1"]
    with model.registry.downloaded(model.registry.resolve()) as copy:
        assert (copy / "card.json").is_file()
    assert ModelCache(folder / "cache", model.registry.tracking_uri).fetch(model.desired("1-0")).is_dir()
    assert [path.name for path in tmp_path.iterdir()] == [AWKWARD_NAME]
    assert sorted(path.name for path in folder.iterdir()) == ["-home", "cache"]
    assert sorted(path.name for path in (folder / "-home").iterdir()) == ["artifacts", "mlflow.db"]


def test_a_link_out_of_the_artifact_folder_is_resolved_before_the_check(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "artifacts" / "model").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelRejectedError, match="not in the registry"):
        check_location(str(tmp_path / "artifacts" / "model"), f"sqlite:///{tmp_path}/mlflow.db")


def test_the_cache_rejects_models_from_elsewhere_even_with_the_right_digest(
    small_model: SmallModel, model_folder: Path, tmp_path: Path
) -> None:
    cache = ModelCache(tmp_path / "cache", small_model.registry.tracking_uri)
    copied = DesiredModel(activation="1-0", version="1", digest=small_model.info.digest, uri=str(model_folder))
    with pytest.raises(ModelRejectedError, match="not in the registry"):
        cache.fetch(copied)
    assert not (tmp_path / "cache").exists()
    assert cache.fetch(small_model.desired("1-0")).is_dir()
