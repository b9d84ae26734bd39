"""The gate's report: each check with its outcome and the reason, and what follows from all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from registry.stages import Stage
from schemas.commands import Promote, Retrain

Outcome = Literal["passed", "failed", "skipped"]

_FOOTINGS = {
    "same_folds": "in the same folds",
    "fresh_rows": "on fresh rows",
    "recipe": "with its recipe fitted again",
}


class Check(BaseModel):
    """One check.

    Attributes:
        name: of the check.
        outcome: passed, failed, or skipped where it does not apply.
        reason: what was found and what is asked for.
        is_binding: whether not even force overrides it.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    outcome: Outcome
    reason: str
    is_binding: bool = False


class Override(BaseModel):
    """Who overrode the gate, and why."""

    model_config = ConfigDict(frozen=True)

    actor: str
    reason: str

    @classmethod
    def of_command(cls, command: Promote | Retrain) -> Override | None:
        """The override that a command asks for; None without force and a reason."""
        if not (command.data.force and command.data.reason):
            return None
        return cls(actor=command.actor, reason=command.data.reason)


class Footing(BaseModel):
    """On what a version and the champion were compared.

    Attributes:
        how: `same_folds` by what both did on the same rows in the same folds; `fresh_rows` by the champion as it
            answers today, on rows that neither was fitted on; `recipe` by the champion's recipe, fitted again in the
            version's folds.
        rows: by how many rows they were judged.
        reason: why so.
    """

    model_config = ConfigDict(frozen=True)

    how: Literal["same_folds", "fresh_rows", "recipe"]
    rows: int
    reason: str

    def __str__(self) -> str:
        how = {
            "same_folds": "in the same folds",
            "fresh_rows": "on fresh rows",
            "recipe": "with its recipe fitted again",
        }
        return f"compared {how[self.how]}, {self.rows} rows"


class GateReport(BaseModel):
    """What the gate says of one version.

    Attributes:
        domain: of the model.
        version: that was judged.
        stage: that it is to reach.
        champion: the version it was compared with; None where there was none.
        footing: on what they were compared; None where they were not.
        time: when.
        checks: in the order in which they were made.
        override: by whom and why the gate was overridden, if it was.
    """

    model_config = ConfigDict(frozen=True)

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
        """Whether the version may pass: nothing failed, or it was overridden and nothing binding failed."""
        return not (any(check.is_binding for check in self.failed) if self.override else self.failed)

    @property
    def status(self) -> Literal["passed", "staged", "forced", "failed"]:
        """The same in a word; `forced` only where the override made the difference."""
        if not self.is_open:
            return "failed"
        if self.failed:
            return "forced"
        return "staged" if self.stage is Stage.STAGING else "passed"

    @property
    def reason(self) -> str:
        """Why it may not pass, in a word: the first binding check that failed, or else ``gate``."""
        return next((check.name for check in self.failed if check.is_binding), "gate")

    def __str__(self) -> str:
        against = f"against champion {self.champion}" if self.champion else f"to {self.stage}"
        against += f", {self.footing}" if self.footing else ""
        if not self.failed:
            return f"version {self.version} passed the gate {against}"
        why = "; ".join(f"{check.name}: {check.reason}" for check in self.failed)
        forced = f"; forced by {self.override.actor}: {self.override.reason}" if self.override and self.is_open else ""
        return f"version {self.version} did not pass the gate {against}: {why}{forced}"
