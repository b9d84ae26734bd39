"""Candidates of a training: members or blends of members, compared on the same folds; and the choice of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import ModelRejectedError
from training.learning.folding import FoldResult
from training.learning.metrics import is_better


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
    """

    name: str
    mean: float
    sd: float
    us_per_row: float
    is_affordable: bool
    folds: FoldResult = field(repr=False)
    params: Mapping[str, Any] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """All fields except `folds`, as JSON values."""
        figures = {name: getattr(self, name) for name in self.__slots__ if name not in {"folds", "params"}}
        return figures | {"params": dict(self.params)}


def choose(candidates: Sequence[Candidate], metric: str, max_us_per_row: float) -> Candidate:
    """The best candidate over folds among those that cost little enough.

    Raises:
        ModelRejectedError: ("cost") none costs little enough.
    """
    affordable = [candidate for candidate in candidates if candidate.is_affordable]
    if not affordable:
        costs = ", ".join(f"{candidate.name} {candidate.us_per_row:.1f} µs" for candidate in candidates)
        message = f"no model costs at most {max_us_per_row:g} µs a row (swap.max_us_per_row): {costs}"
        raise ModelRejectedError("cost", message)
    best = affordable[0]
    for candidate in affordable[1:]:
        if is_better(metric, candidate.mean, best.mean):
            best = candidate
    return best
