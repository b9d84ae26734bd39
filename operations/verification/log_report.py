"""What a comparison of the audit log with the streams found."""

from __future__ import annotations

from operations.verification.problems import Problem
from schemas.frozen_model import FrozenModel


class LogReport(FrozenModel):
    """What a comparison of the audit log with the streams found.

    Attributes:
        folder: of the log.
        predictions: that were compared.
        outcomes: that were compared.
        erased: predictions on the stream that are not in the log because their subject was erased.
        unlogged: predictions that are not in the log yet.
        problem_counts: number of problems by kind.
        problems: at most a thousand of each kind.
    """

    folder: str
    predictions: int
    outcomes: int
    erased: int
    unlogged: int
    problem_counts: dict[str, int]
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        """Whether no problem was found; what is not logged yet is none."""
        return not self.problem_counts
