"""What is read from an SQLite store without MLflow is what MLflow's own client reads."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from registry import catalogue, store
from registry.catalogue import count_versions, list_models, versions_with_metrics
from registry.location import database_of
from registry.sqlite_store import read_versions
from registry.stages import CHALLENGER, CHAMPION
from registry.store import Registry
from schemas.errors import ModelNotFoundError
from tests.models import SmallModel, fitted, own_model, register, small_model, table_of

__all__ = ["own_model", "small_model"]


@pytest.fixture
def registry(own_model: SmallModel) -> Registry:
    """A store with a name, tags and metrics that need care, and a version that was deleted."""
    registry = Registry(own_model.registry.tracking_uri, "housing")
    pipeline = fitted(table_of("housing"), "linear")
    for _ in range(2):
        register(registry, pipeline, table_of("housing"), "linear", folds=0)
    registry.client.delete_model_version("housing", "2")
    registry.set_alias(CHALLENGER, "3")
    registry.set_tags("3", {"note": "it's ü"})
    run_id = registry.resolve(version="3").run_id
    for name, value in (("test_rmse", 3.5), ("test_rmse", 3.25), ("odd", math.nan), ("huge", math.inf)):
        registry.client.log_metric(run_id, name, value)
    registry.client.create_registered_model("empty")
    return registry


def _by_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (catalogue, store):
        monkeypatch.setattr(module, "read_versions", lambda *_: None)
    monkeypatch.setattr(catalogue, "read_model_names", lambda *_: None)


def test_versions_are_those_that_mlflow_lists(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    read = read_versions(registry.tracking_uri, "housing")
    assert read is not None
    _by_mlflow(monkeypatch)
    listed = versions_with_metrics(registry)
    assert [info.version for info in read] == [info.version for info in listed] == ["3", "1"]
    # nan equals nothing
    assert math.isnan(read[0].metrics.pop("odd"))
    assert math.isnan(listed[0].metrics.pop("odd"))
    assert read == [replace(info, metrics=dict(info.metrics)) for info in listed]
    assert read[0].metrics["test_rmse"] == 3.25


def test_models_are_those_that_mlflow_lists(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    read = list_models(registry.tracking_uri)
    _by_mlflow(monkeypatch)
    assert read == list_models(registry.tracking_uri)
    assert [model.name for model in read] == ["empty", "housing"]


def test_a_version_is_found_as_mlflow_finds_it(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    ways: tuple[dict[str, str], ...] = (
        *({"version": version} for version in ("1", "2", "3", "4", "x")),
        *({"alias": alias} for alias in (CHAMPION, CHALLENGER, "nobody")),
    )

    def find(model: Registry, way: dict[str, str]) -> str:
        try:
            found = model.resolve(**way)
        except ModelNotFoundError as error:
            return str(error)
        return repr(replace(found, tags=dict(sorted(found.tags.items())), metrics=dict(sorted(found.metrics.items()))))

    models = (registry, Registry(registry.tracking_uri, "empty"), Registry(registry.tracking_uri, "unknown"))
    read = [find(model, way) for model in models for way in ways]
    counted = [(count_versions(model), len(model.versions())) for model in models]
    _by_mlflow(monkeypatch)
    assert read == [find(model, way) for model in models for way in ways]
    assert counted == [(count_versions(model), len(model.versions())) for model in models] == [(2, 2), (0, 0), (0, 0)]


def test_a_store_of_another_revision_is_left_to_mlflow(registry: Registry) -> None:
    database = database_of(registry.tracking_uri)
    assert database is not None
    with closing(sqlite3.connect(database)) as store, store:
        store.execute("UPDATE alembic_version SET version_num = 'another'")
    assert read_versions(registry.tracking_uri, "housing") is None


def test_a_server_and_a_store_that_does_not_exist_are_left_to_mlflow() -> None:
    assert read_versions("http://127.0.0.1:1", "housing") is None
    assert read_versions("sqlite:////nonexistent/mlflow.db", "housing") is None
