"""A model is tried in a process of its own, and one that ends that process is rejected."""

from __future__ import annotations

import asyncio
from pathlib import Path
from shutil import copytree

import psutil
import pytest

from registry.cache import ModelCache
from registry.trial import try_apart
from schemas.errors import ModelRejectedError
from schemas.settings import Settings, load_settings
from tests.models import SmallModel
from tests.waiting import wait_until_async


@pytest.fixture
def folder(small_model: SmallModel, tmp_path: Path) -> Path:
    """A copy of a stored model."""
    fetched = ModelCache(tmp_path / "cache").fetch(small_model.info.desired("0-0"))
    return Path(copytree(fetched, tmp_path / "model"))


@pytest.fixture
def settings() -> Settings:
    """The default settings."""
    return load_settings()


async def test_a_sound_model_passes(folder: Path, settings: Settings) -> None:
    await try_apart(settings, folder, is_whole=False)


async def test_a_model_that_fails_a_check_is_rejected_by_it(folder: Path, settings: Settings) -> None:
    obesity = settings.for_domain("obesity")
    with pytest.raises(ModelRejectedError, match="was trained for domain housing") as rejected:
        await try_apart(obesity, folder, is_whole=False)
    assert rejected.value.check == "signature"


async def test_a_model_whose_process_is_killed_is_rejected(folder: Path, settings: Settings) -> None:
    trial = asyncio.create_task(try_apart(settings, folder, is_whole=True))
    children = await wait_until_async(_trials)
    children[0].kill()
    with pytest.raises(ModelRejectedError, match="was killed by SIGKILL") as rejected:
        await trial
    assert rejected.value.check == "trial"


async def test_a_trial_that_is_given_up_leaves_no_process(folder: Path, settings: Settings) -> None:
    trial = asyncio.create_task(try_apart(settings, folder, is_whole=True))
    await wait_until_async(_trials)
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert not _trials()


def _trials() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "registry.trial" in child.cmdline()]
