"""Domains with any number of features, created on access: ``tasador.bench.wide:Wide200`` has 200.

Their rows are random with a fixed seed, and the target depends on the first few features, so that a model of 300 trees
can learn it and, as with real data, uses other columns too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import create_model

from schemas.features import Features, Number, Target, feature
from tasador.bench.growth import GrowthCost, measure_growth
from tasador.bench.model import train_reference
from tasador.bench.rig import Rig, settings_for

WIDTHS = (13, 50, 200)
ROWS = 500
EVENTS = 50_000
SEED = 2026
_INFORMATIVE = 8
"""Number of features that the target depends on."""
_LARGEST = 10.0


class WideFeatures(Features):
    """A row of numbers around zero."""

    target: ClassVar[Target] = Target("y")

    @classmethod
    def built_in_table(cls) -> list[dict[str, Any]]:
        """Synthetic rows, the same on each call."""
        rng = np.random.default_rng(SEED)
        rows = rng.normal(scale=2, size=(ROWS, len(cls.model_fields))).clip(-_LARGEST, _LARGEST).round(3)
        target = 50 + rows[:, :_INFORMATIVE] @ np.arange(1, _INFORMATIVE + 1) + rng.normal(size=ROWS)
        names = [*cls.model_fields, cls.target.name]
        return [dict(zip(names, row, strict=True)) for row in np.column_stack([rows, target]).tolist()]


@cache
def contract_of(width: int) -> type[Features]:
    """A domain with `width` features, but at least the informative ones."""
    declared: dict[str, Any] = {
        f"x{number:03d}": (
            Number,
            feature(ge=-_LARGEST, le=_LARGEST, unit="", description=f"synthetic number {number}"),
        )
        for number in range(max(width, _INFORMATIVE))
    }
    contract: type[Features] = create_model(f"Wide{width}", __base__=WideFeatures, __module__=__name__, **declared)
    contract.name = f"wide{width}"
    return contract


def __getattr__(name: str) -> type[Features]:
    """The domain of a name such as ``Wide200``.

    Raises:
        AttributeError: for any other name.
    """
    if match := re.fullmatch(r"Wide(\d+)", name):
        return contract_of(int(match[1]))
    raise AttributeError(name)


def measure_widths(
    url: str, home: Path, widths: Sequence[int], events: int, progress: Callable[[str], object]
) -> list[GrowthCost]:
    """The cost of an event at each number of features, with a reference model for each.

    Args:
        url: of the Redis.
        home: a folder; each domain gets a subfolder.
        widths: numbers of features.
        events: number of events over which a cost is measured.
        progress: called with a line after each width.

    Raises:
        BenchmarkError: the consumer died or made no progress.
        RedisUnavailableError: Redis does not answer.
    """
    return [_measure(url, home / f"wide{width}", width, events, progress) for width in widths]


def _measure(url: str, home: Path, width: int, events: int, progress: Callable[[str], object]) -> GrowthCost:
    home.mkdir()
    settings = settings_for(url, home, f"wide{width}", f"{__name__}:Wide{width}")
    rig = Rig(url, settings, train_reference(settings, lambda _: None))
    try:
        return measure_growth(rig, events, settings.batch.max_records, events, progress)
    finally:
        rig.client.close()
