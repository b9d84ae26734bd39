"""Models come only from the configured registry, whatever the desired model's URI."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.cache import ModelCache
from registry.location import check_location
from schemas.errors import ModelRejectedError
from schemas.states import DesiredModel
from tests.models import SmallModel

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
