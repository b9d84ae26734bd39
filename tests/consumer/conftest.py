"""Registered models for consumers."""

from __future__ import annotations

import pytest

from tests.models import SmallModel, small_model, train_small_model

__all__ = ["small_model"]


@pytest.fixture(scope="session")
def other_model(small_model: SmallModel) -> SmallModel:
    """A second version in the same registry, with other predictions."""
    return train_small_model(small_model.settings.home, trees=3, promote=False)
