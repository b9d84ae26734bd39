from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from tasador.bench.rig import Rig, settings_for
from tests.models import SmallModel, own_model, small_model

__all__ = ["own_model", "small_model"]


@pytest.fixture
def rig(own_model: SmallModel, redis_url: str) -> Iterator[Rig]:
    """A rig whose keys and processes must be gone after the test."""
    rig = Rig(redis_url, settings_for(redis_url, own_model.settings.home), own_model.info)
    before = psutil.Process().children(recursive=True)
    yield rig
    assert not list(rig.client.scan_iter(f"{rig.streams.prefix}*"))
    rig.client.close()
    # multiprocessing keeps its resource tracker for the next pool
    left = [child.cmdline() for child in psutil.Process().children(recursive=True) if child not in before]
    assert not [command for command in left if "resource_tracker" not in " ".join(command)]
