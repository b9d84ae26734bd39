"""Fixtures for the registry's tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.models import SmallModel, own_model, small_model

__all__ = ["own_model", "small_model"]


@pytest.fixture
def model_folder(small_model: SmallModel, tmp_path: Path) -> Path:
    """A copy of a stored model that a test may change."""
    return Path(shutil.copytree(small_model.folder, tmp_path / "model"))


@pytest.fixture
def edit() -> Callable[[Path, str, str], None]:
    """Replaces text in a file, and asserts that it was there."""

    def replace(path: Path, old: str, new: str) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return replace
