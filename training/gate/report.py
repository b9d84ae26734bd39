"""The gate's report: every check with its outcome and reason, and the decision that follows from them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from registry.stages import Stage
from schemas.commands import Promote, Retrain
from schemas.frozen_model import FrozenModel

CheckOutcome = Literal["passed", "failed", "skipped"]

_FOOTINGS = {
    "same_folds": "in the same folds",
    "fresh_rows": "on fresh rows",
    "recipe": "with its recipe fitted again",
}


class Check(FrozenModel):
    """One check.

    Attributes:
        name: of the check.
        outcome: passed, failed, or skipped if it does not apply.
        reason: the figure that was measured, and the limit.
        is_binding: whether the check also holds when an operator forces a promotion.
    """

    name: str
    outcome: CheckOutcome
    reason: str
    is_binding: bool = False


class Override(FrozenModel):
    """An operator's decision to promote a version that fails checks."""

    actor: str
    reason: str

    @classmethod
    def of_command(cls, command: Promote | Retrain) -> Override | None:
        """The override that a command requests; None without force and a reason."""
        if not (command.data.force and command.data.reason):
            return None
        return cls(actor=command.actor, reason=command.data.reason)


class Footing(FrozenModel):
    """How a version was compared with the champion.

    Attributes:
        how: `same_folds`: by the fold records of both, on the same rows and folds. `fresh_rows`: with the champion as
            it serves now, on rows that neither was fitted on. `recipe`: with the champion's recipe, fitted again in
            the version's folds.
        rows: number of rows that were compared.
        reason: why this way was chosen.
        figures: of the version, out of fold: ``cv_…`` is the mean over folds, which decides; the others are of all
            these rows (`training.evaluation.figures`).
        champion_figures: the same of the champion.
    """

    how: Literal["same_folds", "fresh_rows", "recipe"]
    rows: int
    reason: str
    figures: dict[str, float] = Field(default_factory=dict)
    champion_figures: dict[str, float] = Field(default_factory=dict)

    def __str__(self) -> str:
        return f"compared {_FOOTINGS[self.how]}, {self.rows} rows"


class GateReport(FrozenModel):
    """The gate's decision on one version.

    Attributes:
        domain: name of the model's domain.
        version: the version that was judged.
        stage: the stage that the version was judged for.
        champion: the champion at that time; None without one, and for Staging.
        footing: how the two were compared; None if they were not.
        time: of the decision.
        checks: in the order in which they ran.
        override: the operator who forces the promotion, with the reason; None without force.
    """

    domain: str
    version: str
    stage: Stage
    champion: str | None = None
    footing: Footing | None = None
    time: datetime = Field(default_factory=lambda: datetime.now(UTC))
    checks: tuple[Check, ...]
    override: Override | None = None

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.outcome == "failed")

    @property
    def is_open(self) -> bool:
        """Whether the version passes: no check failed, or it is forced and no binding check failed."""
        return not (any(check.is_binding for check in self.failed) if self.override else self.failed)

    @property
    def status(self) -> Literal["passed", "staged", "forced", "failed"]:
        """The decision in a word; `forced` only if the version would have failed without the override."""
        if not self.is_open:
            return "failed"
        if self.failed:
            return "forced"
        return "staged" if self.stage is Stage.STAGING else "passed"

    @property
    def reason(self) -> str:
        """Why the version fails, in a word: the first binding check that failed, or ``gate``."""
        return next((check.name for check in self.failed if check.is_binding), "gate")

    def as_document(self) -> dict[str, Any]:
        """The report as JSON values, with its status and its summary."""
        return self.model_dump(mode="json") | {"status": self.status, "summary": str(self)}

    def __str__(self) -> str:
        against = f"against champion {self.champion}" if self.champion else f"for {self.stage}"
        against += f", {self.footing}" if self.footing else ""
        if not self.failed:
            return f"version {self.version} passed the gate {against}"
        reasons = "; ".join(f"{check.name}: {check.reason}" for check in self.failed)
        forced = f"; forced by {self.override.actor}: {self.override.reason}" if self.override and self.is_open else ""
        return f"version {self.version} did not pass the gate {against}: {reasons}{forced}"
