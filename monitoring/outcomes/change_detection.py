"""A sudden loss of quality: the errors are watched in the order in which outcomes tell them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from river.drift import ADWIN

from schemas.quality import SuddenLoss

REMEMBERED = 10_000
"""How many errors are kept and looked at."""


def find_sudden_loss(errors: Iterable[tuple[int, float]]) -> SuddenLoss | None:
    """The latest moment at which errors had grown at once; that they shrink is no loss.

    ADWIN keeps a window of errors and cuts it where the means of both sides differ more than chance allows (Bifet and
    Gavalda 2007, "Learning from time-changing data with adaptive windowing").

    Args:
        errors: when an outcome came, in milliseconds since 1970, and how far its prediction was off; oldest first.
    """
    adwin: Any = ADWIN()  # type: ignore[no-untyped-call]
    found = None
    for at_ms, error in errors:
        before = adwin.estimation
        adwin.update(error)
        if adwin.drift_detected and adwin.estimation > before:
            found = SuddenLoss(time=datetime.fromtimestamp(at_ms / 1000, UTC), before=before, after=adwin.estimation)
    return found
