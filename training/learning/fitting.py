"""Fits the winner on all training rows, and gives way to a cheaper candidate where its trees turn out too dear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sklearn.pipeline import Pipeline

from registry.scorer import ENCODE
from schemas.classes import ClassThreshold
from training.data.tables import Table
from training.learning.blending import fitted_blend
from training.learning.candidates import Candidate, choose
from training.learning.counting import count_us_per_row
from training.learning.encoded_table import EncodedTable
from training.learning.encoding import encoder
from training.learning.engine import Engine
from training.learning.folding import Split
from training.learning.members import FitUnit, Member, RecipeMember
from training.learning.thresholds import with_threshold
from training.learning.trials import Trial
from training.progress import Progress


@dataclass(frozen=True, slots=True)
class Fitter:
    """Fits the members of a trial on all training rows.

    Attributes:
        train: the training rows.
        table: the same, encoded.
        splits: the folds on which candidates were compared.
        seed: of every random choice.
        engine: that fits.
        progress: is told what is fitted.
    """

    train: Table
    table: EncodedTable
    splits: Sequence[Split]
    seed: int
    engine: Engine
    progress: Progress

    def fit_affordable(
        self, trials: Sequence[Trial], candidates: list[Candidate], metric: str, max_us_per_row: float
    ) -> tuple[Candidate, Trial, list[object]]:
        """Choose the best candidate and fit its members.

        If its trees cost more than the limit, so do those of others that were counted in the same way: they are marked
        in `candidates`, and the best of the rest follows. Where nothing is left, the winner stays, for the gate.

        Args:
            trials: one for each candidate.
            candidates: whose costs are counted from shapes.
            metric: that decides.
            max_us_per_row: limit on the cost of a row.

        Raises:
            ModelRejectedError: ("cost") none costs little enough.
        """
        while True:
            winner = choose(candidates, metric, max_us_per_row, self.splits)
            trial = trials[[each is winner for each in candidates].index(True)]
            self.progress(f"fitting {', '.join(map(name_of, trial.members))} on all {len(self.table)} rows")
            fitted = self.engine.run([FitUnit(member, self.seed) for member in trial.members], lambda _: None)
            counted = count_us_per_row(self.pipeline(trial, fitted), has_classes=bool(self.table.classes))
            if counted is None or counted <= max_us_per_row:
                return winner, trial, fitted
            most = max_us_per_row * winner.us_per_row / counted
            if not any(each.is_affordable and each.us_per_row <= most for each in candidates):
                return winner, trial, fitted
            self.progress(f"left out: {winner.name}: its trees cost {counted:.1f} µs a row")
            candidates[:] = [
                replace(each, is_affordable=each.is_affordable and each.us_per_row <= most) for each in candidates
            ]

    def pipeline(self, trial: Trial, fitted: Sequence[object], threshold: ClassThreshold | None = None) -> Pipeline:
        """The whole pipeline of a trial, from raw columns to predictions.

        Args:
            trial: that was fitted.
            fitted: its members.
            threshold: from which probability on one of two classes is predicted; None for the most probable class.
        """
        encode = encoder(self.train.domain).fit(self.train.frame)
        estimate = fitted[0]
        if len(fitted) > 1:
            unfitted = [(name_of(member), member.estimator(self.table, self.seed)) for member in trial.members]
            estimate = fitted_blend(self.table, unfitted, fitted, trial.weights, trial.power)
        if threshold is not None:
            estimate = with_threshold(estimate, threshold, self.table.matrix, self.table.labels)
        return Pipeline([(ENCODE, encode), ("estimate", estimate)])


def name_of(member: Member) -> str:
    """The name of a trial's member."""
    if isinstance(member, RecipeMember):
        return member.recipe.name
    return f"{member.shape.name}-seeds" if member.seeds > 1 else member.shape.name
