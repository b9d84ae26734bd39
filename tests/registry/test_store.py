from __future__ import annotations

import socket
from pathlib import Path

import mlflow
import pytest
import requests
from sklearn.preprocessing import FunctionTransformer

from registry import tracking
from registry.digest import digest_of
from registry.folder import read_card
from registry.location import artifact_root_of, tracking_uri_of
from registry.stages import PREVIOUS_CHAMPION, Stage
from registry.store import Registry
from schemas.errors import ConfigurationError, ModelNotFoundError, ModelRejectedError, RegistryUnavailableError
from schemas.settings import load_settings
from tests.models import SmallModel, fitted, register, table_of


@pytest.fixture(scope="module")
def three(small_model: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    """A store with three versions of a model named `storing`, for copies."""
    copy = small_model.in_copy(tmp_path_factory.mktemp("three") / "home")
    registry = Registry(copy.registry.tracking_uri, "storing")
    pipeline = fitted(table_of("housing"), "linear")
    for _ in range(3):
        register(registry, pipeline, table_of("housing"), "linear", folds=0)
    return copy


@pytest.fixture
def registry(three: SmallModel, tmp_path: Path) -> Registry:
    """These three versions in the test's own store."""
    return Registry(three.in_copy(tmp_path / "home").registry.tracking_uri, "storing")


def test_a_version_has_its_provenance(small_model: SmallModel) -> None:
    info = small_model.registry.resolve()
    assert info.version == "1"
    assert info.aliases == ("champion",)
    assert info.algorithm == "xgboost-reference"
    assert info.data_sha256 == table_of("housing").sha256()
    assert info.trained_at == read_card(small_model.folder).trained_at.isoformat()
    assert info.status == "registered"
    assert info.digest == digest_of(small_model.folder)


def test_all_files_of_a_model_are_stored(small_model: SmallModel) -> None:
    assert {path.name for path in small_model.folder.iterdir()} >= {
        "MLmodel", "model.skops", "card.json", "golden.parquet", "reference.parquet", "input_example.json"
    }  # fmt: skip


def test_versions_are_listed_newest_first_with_their_aliases(registry: Registry) -> None:
    registry.set_alias("challenger", "2")
    assert [info.version for info in registry.versions()] == ["3", "2", "1"]
    assert registry.resolve(alias="challenger").version == "2"
    assert registry.versions()[1].aliases == ("challenger",)


def test_a_new_champion_makes_the_old_one_previous_champion(registry: Registry) -> None:
    assert registry.set_champion("1").aliases == ("champion",)
    registry.set_champion("3")
    assert registry.resolve().version == "3"
    assert registry.resolve(alias=PREVIOUS_CHAMPION).version == "1"
    registry.set_champion("3")
    assert registry.resolve(alias=PREVIOUS_CHAMPION).version == "1"


def test_a_downloaded_version_has_its_registered_digest(registry: Registry) -> None:
    info = registry.resolve(version="2")
    with registry.downloaded(info) as folder:
        assert digest_of(folder) == info.digest


def test_loading_by_alias_does_not_change_the_digest(small_model: SmallModel) -> None:
    mlflow.set_tracking_uri(small_model.registry.tracking_uri)
    mlflow.pyfunc.load_model("models:/housing@champion")
    assert (small_model.folder / "registered_model_meta").exists()
    assert digest_of(small_model.folder) == small_model.info.digest


def test_a_tampered_artifact_is_not_downloaded(own_model: SmallModel) -> None:
    registry = Registry(own_model.registry.tracking_uri, "tampered")
    info = register(registry, fitted(table_of("housing"), "linear"), table_of("housing"))
    Path(info.uri, "card.json").write_text("{}")
    with pytest.raises(ModelRejectedError, match="has been changed"), registry.downloaded(info):
        pass


def test_a_pipeline_that_could_not_be_loaded_again_is_not_registered(own_model: SmallModel) -> None:
    registry = Registry(own_model.registry.tracking_uri, "unloadable")
    pipeline = fitted(table_of("housing"), "linear")
    rows = table_of("housing").frame.head()
    pipeline.steps.insert(2, ("own", FunctionTransformer(Path)))
    with pytest.raises(ModelRejectedError, match="pathlib") as caught:
        registry.register(pipeline, read_card(own_model.folder), rows, rows, run_id=own_model.info.run_id)
    assert caught.value.check == "allow_list"
    assert registry.versions() == []


@pytest.mark.parametrize(
    ("arguments", "subject"),
    [({"version": "99"}, "version 99"), ({"version": "x"}, "version x"), ({"alias": "best"}, "alias 'best'")],
)
def test_an_unknown_version_or_alias_is_named_in_the_error(
    registry: Registry, arguments: dict[str, str], subject: str
) -> None:
    with pytest.raises(ModelNotFoundError, match=f"no {subject} of model 'storing'.*tasador train"):
        registry.resolve(**arguments)


def test_a_model_never_registered_has_no_champion_and_no_versions(small_model: SmallModel) -> None:
    unknown = Registry(small_model.registry.tracking_uri, "unknown")
    assert unknown.versions() == []
    with pytest.raises(ModelNotFoundError, match="'unknown'"):
        unknown.resolve()
    with pytest.raises(ModelNotFoundError):
        unknown.set_champion("1")
    with pytest.raises(ModelNotFoundError):
        unknown.set_alias("challenger", "1")


def test_an_unreachable_server_is_reported_at_once_in_one_line() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(RegistryUnavailableError, match=f"MLflow at {uri} does not answer") as caught:
        Registry(uri, "housing").resolve()
    # MLflow itself, which would retry, was not called
    assert isinstance(caught.value.__cause__, requests.ConnectionError)
    assert "\n" not in str(caught.value)


def test_a_silent_server_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "HEALTH_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RegistryUnavailableError, match="does not answer"):
            Registry(uri, "housing").versions()


def test_a_home_folder_that_cannot_be_created_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(ConfigurationError, match="home"):
        Registry(tracking_uri_of(load_settings(home=tmp_path / "home")), "housing").versions()


def test_without_a_server_everything_is_under_the_home_folder(small_model: SmallModel) -> None:
    home = small_model.settings.home
    assert tracking_uri_of(small_model.settings) == f"sqlite:///{home}/mlflow.db"
    assert (home / "mlflow.db").is_file()
    assert home / "artifacts" in small_model.folder.parents
    assert tracking_uri_of(small_model.settings.model_copy(update={"mlflow_uri": "http://x"})) == "http://x"
    assert artifact_root_of("http://x") is None


def test_a_deleted_alias_is_gone(registry: Registry) -> None:
    registry.set_alias("baseline", "2")
    registry.delete_alias("baseline")
    assert registry.resolve(version="2").aliases == ()
    with pytest.raises(ModelNotFoundError, match="alias 'baseline'"):
        registry.delete_alias("baseline")


def test_tags_of_a_version_are_set_and_deleted(registry: Registry) -> None:
    registry.set_tags("2", {"stage": "Archived", "note": "of an operator"})
    assert registry.resolve(version="2").stage is Stage.ARCHIVED
    registry.set_tags("2", {"stage": "", "never": ""})
    info = registry.resolve(version="2")
    assert info.stage is Stage.NONE
    assert info.tags["note"] == "of an operator"
    with pytest.raises(ModelNotFoundError):
        registry.set_tags("99", {"stage": "Archived"})


def test_stages_follow_aliases(registry: Registry) -> None:
    registry.set_champion("1")
    registry.set_champion("2")
    registry.set_alias("challenger", "3")
    stages = {one.version: one.stage for one in registry.versions()}
    assert stages == {"1": Stage.ARCHIVED, "2": Stage.PRODUCTION, "3": Stage.STAGING}
