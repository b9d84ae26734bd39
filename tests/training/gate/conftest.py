"""Fixtures for the gate: a registry with a good champion and versions to judge, copied for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.store import Registry
from schemas.settings import Settings
from tests.models import SmallModel, fitted, register, small_model, table_of
from training.gate.judging import Gate

__all__ = ["small_model"]

CHAMPION, EQUAL, WORSE, BARE = "2", "3", "4", "5"
"""Versions in the registry: the champion, an equal one, a worse one, and one without a fold record."""


@pytest.fixture(scope="module")
def store(small_model: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    """The registry's store. Version 1 is the small model of all tests, which is too small to pass the gate."""
    copy = small_model.in_copy(tmp_path_factory.mktemp("store") / "home")
    table, registry = table_of("housing"), copy.registry
    good, plain = fitted(table, "gradient-boosting", trees=80), fitted(table, "linear")
    for pipeline in (good, good, plain):
        register(registry, pipeline, table, folds=5, admitted=False)
    register(registry, plain, table, folds=0, admitted=False)
    registry.set_champion(CHAMPION)
    return copy


@pytest.fixture
def registry(store: SmallModel, tmp_path: Path) -> Registry:
    """A copy of the registry for one test."""
    return store.in_copy(tmp_path / "home").registry


@pytest.fixture
def settings(small_model: SmallModel) -> Settings:
    """Settings with the default limits."""
    return small_model.settings


@pytest.fixture
def gate(registry: Registry, settings: Settings, small_model: SmallModel) -> Gate:
    """The gate of that copy."""
    return Gate(registry, small_model.domain, settings)
