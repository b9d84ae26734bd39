"""Domains of any width, made when they are asked for: ``benchmarks.wide:Wide200`` has 200 features.

Their rows are drawn once and for all, and the target follows from the first few features; so a model of 300 trees has
something to learn from, and looks at other columns as real ones do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import create_model

from benchmarks.growth import Growth, measure_growth
from benchmarks.model import train_reference
from benchmarks.rig import Rig, settings_for
from schemas.features import Features, Number, Target, feature

WIDTHS = (13, 50, 200)
ROWS = 500
EVENTS = 50_000
SEED = 2026
_TELLING = 8
"""Features from which the target follows."""
_LARGEST = 10.0


class Wide(Features):
    """A row of numbers around zero."""

    target: ClassVar[Target] = Target("y")

    @classmethod
    def built_in_table(cls) -> list[dict[str, Any]]:
        """Made-up rows, the same each time."""
        rng = np.random.default_rng(SEED)
        rows = rng.normal(scale=2, size=(ROWS, len(cls.model_fields))).clip(-_LARGEST, _LARGEST).round(3)
        target = 50 + rows[:, :_TELLING] @ np.arange(1, _TELLING + 1) + rng.normal(size=ROWS)
        names = [*cls.model_fields, cls.target.name]
        return [dict(zip(names, row, strict=True)) for row in np.column_stack([rows, target]).tolist()]


@cache
def contract_of(width: int) -> type[Features]:
    """A domain of so many features, at least as many as the target follows from."""
    declared: dict[str, Any] = {
        f"x{number:03d}": (
            Number,
            feature(ge=-_LARGEST, le=_LARGEST, unit="", description=f"made-up number {number}"),
        )
        for number in range(max(width, _TELLING))
    }
    contract: type[Features] = create_model(f"Wide{width}", __base__=Wide, __module__=__name__, **declared)
    contract.name = f"wide{width}"
    return contract


def __getattr__(name: str) -> type[Features]:
    """The domain that a dotted path names; raises AttributeError where it names none."""
    if found := re.fullmatch(r"Wide(\d+)", name):
        return contract_of(int(found[1]))
    raise AttributeError(name)


def measure_widths(
    url: str, home: Path, widths: Sequence[int], events: int, tell: Callable[[str], object]
) -> list[Growth]:
    """The cost of an event at each number of features, with a reference model of each domain.

    Args:
        url: the Redis.
        home: a folder; each domain gets one of its own in it.
        widths: numbers of features.
        events: over how many a cost is taken.
        tell: is told of each, in a line.

    Raises:
        BenchmarkError: the consumer died or stood still.
        RedisUnavailableError: Redis went away.
    """
    return [_measure(url, home / f"wide{width}", width, events, tell) for width in widths]


def _measure(url: str, home: Path, width: int, events: int, tell: Callable[[str], object]) -> Growth:
    home.mkdir()
    settings = settings_for(url, home, f"wide{width}", f"{__name__}:Wide{width}")
    rig = Rig(url, settings, train_reference(settings, lambda _: None))
    try:
        return measure_growth(rig, events, settings.batch.max_records, events, tell)
    finally:
        rig.client.close()
