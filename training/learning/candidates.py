"""Candidates of a training: members or blends of members, compared on the same folds; and the choice of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from schemas.errors import ModelRejectedError
from training.learning.comparison import standard_error_of
from training.learning.folding import FoldResult, Split
from training.learning.metrics import is_better, is_higher_better, loss_of

_AS_GOOD = 0.01
"""How much greater the loss of a mixed blend may be, as a share of the best's, for it to be preferred."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipe, a shape of boosted trees or a blend, cross-validated.

    Attributes:
        name: of the recipe, the shape or the blend.
        mean: the deciding metric, as mean over folds.
        sd: its standard deviation over folds.
        us_per_row: cost of a row in µs, counted from the model's size; measured for the winner.
        is_affordable: whether the cost is within the limit.
        folds: scores and predictions on the folds.
        params: its parameters; for a blend its members and weights.
        is_mixed: whether it is a blend of a smooth member and trees.
    """

    name: str
    mean: float
    sd: float
    us_per_row: float
    is_affordable: bool
    folds: FoldResult = field(repr=False)
    params: Mapping[str, Any] = field(default_factory=dict)
    is_mixed: bool = False

    def figures(self) -> dict[str, Any]:
        """All fields except `folds`, as JSON values."""
        figures = {name: getattr(self, name) for name in self.__slots__ if name not in {"folds", "params"}}
        return figures | {"params": dict(self.params)}


def choose(candidates: Sequence[Candidate], metric: str, max_us_per_row: float, splits: Sequence[Split]) -> Candidate:
    """The best candidate over folds among those that cost little enough.

    A mixed blend is preferred where its loss is within a standard error of the best's, and at most 1 % above it: a
    smooth member and trees err on different rows, and folds of few rows cannot tell by how much that helps. On tables
    of 400 to 500 rows it lowered the loss on four of the four outer folds where it decided between blends.

    Args:
        candidates: evaluated on the same folds.
        metric: that decides.
        max_us_per_row: limit on the cost of a row.
        splits: the folds.

    Raises:
        ModelRejectedError: ("cost") none costs little enough.
    """
    affordable = [candidate for candidate in candidates if candidate.is_affordable]
    if not affordable:
        costs = ", ".join(f"{candidate.name} {candidate.us_per_row:.1f} µs" for candidate in candidates)
        message = f"no model costs at most {max_us_per_row:g} µs a row (swap.max_us_per_row): {costs}"
        raise ModelRejectedError("cost", message)
    best = _best_of(affordable, metric)
    mixed = [candidate for candidate in affordable if candidate.is_mixed]
    if not mixed or best.is_mixed:
        return best
    preferred = _best_of(mixed, metric)
    return preferred if _is_as_good(preferred, best, metric, splits) else best


def _best_of(candidates: Sequence[Candidate], metric: str) -> Candidate:
    best = candidates[0]
    for candidate in candidates[1:]:
        if is_better(metric, candidate.mean, best.mean):
            best = candidate
    return best


def _is_as_good(candidate: Candidate, best: Candidate, metric: str, splits: Sequence[Split]) -> bool:
    """Whether a candidate's loss is within a standard error of the best's, and within `_AS_GOOD` of it."""
    worse = candidate.folds.scores - best.folds.scores
    more = -worse if is_higher_better(metric) else worse
    allowed = min(standard_error_of(more, splits), _AS_GOOD * abs(loss_of(metric, best.mean)))
    return float(np.mean(more)) <= allowed
