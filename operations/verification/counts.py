"""Checks the counts against each other and against the streams."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import redis

from operations.verification.problems import Problems
from schemas.streams import Streams

SUM_TOLERANCE = 1e-6
"""Relative: Redis adds to a sum in decimal, batch by batch."""
_REASON = "refused:"


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts in Redis, and the lengths of the streams just before.

    Attributes:
        progress: the counts by name.
        kept: stream lengths: predictions; dead letters, rate-limited ones and resolutions together; repeats.
        last_prediction: entry id of the last prediction; "" where there is none.
    """

    progress: dict[str, float]
    kept: tuple[int, int, int]
    last_prediction: str

    @property
    def is_whole(self) -> bool:
        """Whether every counted prediction is still in its stream, and none was added during the read."""
        return self.kept[0] == self.progress.get("scored", 0)


def read_counts(client: redis.Redis, streams: Streams) -> Counts:
    """Read lengths and counts; the counts last, because they only rise, so that no length can exceed its count."""
    # resolutions first: a dead letter that is resolved meanwhile is then counted once or not at all
    letters = (streams.resolutions, streams.dead_letters, streams.rate_limited)
    # without a transaction, because an operator's Redis user may not run one
    with client.pipeline(transaction=False) as pipeline:
        for key in (streams.predictions, streams.repeats, *letters):
            pipeline.xlen(key)
        pipeline.xrevrange(streams.predictions, count=1)
        pipeline.hgetall(streams.progress)
        reply: Any = pipeline.execute()
    predictions, repeats, *lengths, newest, stored = reply
    progress = {name.decode(): _number(value) for name, value in stored.items()}
    last = newest[0][0].decode() if newest else ""
    return Counts(progress, (predictions, sum(lengths), repeats), last)


def check_counts(counts: Counts, problems: Problems) -> None:
    """Report counts that disagree with each other, and streams that hold more than was counted."""
    progress = counts.progress
    scored, refused, repeats = (progress.get(name, 0) for name in ("scored", "refused", "repeats"))
    by_reason = sum(number for name, number in progress.items() if name.startswith(_REASON))
    if progress.get("answered", 0) != scored + refused + repeats:
        by_kind = f"{scored:.0f} + {refused:.0f} + {repeats:.0f} by kind"
        problems.add("counts", None, f"answered {progress.get('answered', 0):.0f}, but {by_kind}")
    if refused != by_reason:
        problems.add("counts", None, f"refused {refused:.0f}, but {by_reason:.0f} by reason")
    names = ("predictions", "dead letters", "repeats")
    for name, kept, counted in zip(names, counts.kept, (scored, refused, repeats), strict=True):
        if kept > counted:
            problems.add("counts", None, f"{kept:,} {name} in the streams, but {counted:,.0f} counted")


def check_sum(counts: Counts, total: float, problems: Problems) -> None:
    """Report a sum of the predictions that differs from the counted sum."""
    counted = counts.progress.get("prediction_sum", 0.0)
    if not math.isclose(counted, total, rel_tol=SUM_TOLERANCE, abs_tol=SUM_TOLERANCE):
        problems.add("counts", None, f"the predictions sum to {total}, but the counted sum is {counted}")


def _number(value: bytes) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan  # an entry id: a low-water mark or a floor
