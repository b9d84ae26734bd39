"""Registered models for consumers."""

from __future__ import annotations

import pytest

from tests.models import SmallModel, small_model, train_small_model

__all__ = ["small_model"]


@pytest.fixture(scope="session")
def other_model(small_model: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    """A second version in a copy of the same registry, with other predictions."""
    copy = small_model.in_copy(tmp_path_factory.mktemp("other") / "home")
    return train_small_model(copy.settings.home, trees=3, promote=False)
