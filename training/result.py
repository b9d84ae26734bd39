"""What a training run gives back."""

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
        version: that it registered.
        digest: sha256 of the stored artifact.
        algorithm: the recipe that won.
        is_champion: whether it was made champion.
        gate: what the gate said of it; None where nobody asked.
        metrics: of the winner: ``cv_…`` over folds, ``test_…`` on the test rows, ``us_per_row``.
        metric: the deciding metric's name.
        candidates: all that were tried, in order.
        test_rows: positions of the test rows in the source, counted from 0.
        rows: accepted rows, test rows included.
        problems: what was wrong with the refused rows.
        source: where the data came from.
        data_sha256: content hash of the data.
        run_id: of the MLflow run.
        seconds: what the run took.
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
        """The same as plain values."""
        candidates = [
            {
                "name": one.name,
                "mean": one.mean,
                "sd": one.sd,
                "us_per_row": one.us_per_row,
                "is_affordable": one.is_affordable,
                "seconds": one.seconds,
                "params": dict(one.params),
                "search": asdict(one.search) if one.search else None,
                "fold_scores": one.folds.scores.tolist(),
            }
            for one in self.candidates
        ]
        problems = [{"row": p.row, "column": p.column, "value": p.value, "message": p.message} for p in self.problems]
        plain = {name: getattr(self, name) for name in self.__slots__}
        gate = self.gate.model_dump(mode="json") if self.gate is not None else None
        return plain | {
            "candidates": candidates,
            "problems": problems,
            "test_rows": list(self.test_rows),
            "gate": gate,
        }
