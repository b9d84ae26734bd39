"""Whether a table has enough rows, and enough of each class, for the test rows and the folds of a training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from schemas.domain import Domain
from schemas.sections import TrainingSettings


def why_too_few(domain: Domain, target: Sequence[Any], training: TrainingSettings) -> str | None:
    """Why a training would stop for lack of rows; None if it would not.

    Args:
        domain: of the rows.
        target: of the accepted rows.
        training: number of folds, and the share of test rows.
    """
    # r2 and a standard deviation need at least two validation rows in each fold
    needed = 2 * training.folds
    if len(target) * (1 - training.test_share) < needed or len(target) * training.test_share < 1:
        return f"{len(target)} rows are too few for {training.folds} folds and test rows (training.folds)"
    for name, count in Counter(target).items() if domain.target.classes else ():
        if count * (1 - training.test_share) < training.folds:
            return f"{count} rows of class {name} are too few for {training.folds} folds (training.folds)"
    return None
