"""The result of a training run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from training.data.quality import RowProblem
from training.gate.report import GateReport
from training.learning.candidates import Candidate


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """A finished training run.

    Attributes:
        name: of the registered model.
        version: the registered version.
        digest: sha256 of the stored artifact.
        algorithm: the recipe that won.
        is_champion: whether the version was promoted.
        gate: the gate's report; None if the run was not to promote.
        metrics: of the winner: ``cv_…`` over folds, ``test_…`` on the test rows, ``us_per_row``.
        metric: the deciding metric's name.
        candidates: all candidates, in order.
        test_rows: positions of the test rows in the source, counted from 0.
        rows: number of accepted rows, including test rows.
        problems: of the refused rows.
        source: of the data.
        data_sha256: content hash of the data.
        run_id: of the MLflow run.
        seconds: duration of the run.
    """

    name: str
    version: str
    digest: str
    algorithm: str
    is_champion: bool
    gate: GateReport | None
    metrics: dict[str, float]
    metric: str
    candidates: tuple[Candidate, ...]
    test_rows: tuple[int, ...]
    rows: int
    problems: tuple[RowProblem, ...]
    source: str
    data_sha256: str
    run_id: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        candidates = [each.figures() | {"fold_scores": each.folds.scores.tolist()} for each in self.candidates]
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {
            "candidates": candidates,
            "problems": [asdict(problem) for problem in self.problems],
            "test_rows": list(self.test_rows),
            "gate": self.gate.model_dump(mode="json") if self.gate is not None else None,
        }
