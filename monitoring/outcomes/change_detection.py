"""Detects a sudden loss of quality in the errors of predictions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from schemas.quality import SuddenLoss

REMEMBERED = 10_000
"""How many errors are kept and searched."""


def find_sudden_loss(errors: Iterable[tuple[int, float]]) -> SuddenLoss | None:
    """The latest sudden rise of the errors; a sudden fall is not a loss.

    ADWIN keeps a window of errors and cuts it where the means of both sides differ more than chance allows (Bifet and
    Gavalda 2007, "Learning from time-changing data with adaptive windowing").

    Args:
        errors: arrival of each outcome in milliseconds since 1970, and the error of its prediction; oldest first.
    """
    known = list(errors)
    if not known:
        return None
    # imports pandas and scikit-learn, which a monitor does without until outcomes arrive
    from river.drift import ADWIN

    adwin: Any = ADWIN()  # type: ignore[no-untyped-call]
    latest = None
    for at_ms, error in known:
        before = adwin.estimation
        adwin.update(error)
        if adwin.drift_detected and adwin.estimation > before:
            latest = SuddenLoss(time=datetime.fromtimestamp(at_ms / 1000, UTC), before=before, after=adwin.estimation)
    return latest
