"""What is said about drift: one report, on the stream, in the metrics, in tables, on a page and to notebooks alike."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.events import ModelStamp

Verdict = Literal["no_drift", "drift", "not_enough_rows"]
Role = Literal["feature", "prediction", "outcome"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Distribution(_Part):
    """Shares of the present values: in the bins between `edges` (the outer ones take what lies beyond), or by category.

    Both tuples of shares are empty where one side has no values.
    """

    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    reference: tuple[float, ...] = ()
    current: tuple[float, ...] = ()


class WindowSpan(_Part):
    """One current window, of those which do not overlap.

    Attributes:
        rows: how many rows it holds.
        first: entry id of its oldest row; None of a table.
        last: entry id of its newest row.
    """

    rows: int
    first: str | None = None
    last: str | None = None


class ColumnDrift(_Part):
    """One column: figures of the newest window against the reference, and the verdict over all windows.

    What a kind of column has not, or could not be computed from so few values, is None.
    """

    name: str
    role: Role
    kind: Literal["number", "category"]
    unit: str = ""
    verdict: Verdict
    alarms: tuple[bool | None, ...] = Field(
        description="by window, newest first: effect and significance; None for unknown"
    )
    rows: int = Field(description="present values in the newest window")
    reference_rows: int = Field(description="present values in the reference")
    missing_share: float
    reference_missing_share: float
    missing_p: float | None = Field(default=None, description="chi-squared on the missing share, after Holm")
    p: float | None = Field(default=None, description="Kolmogorov-Smirnov or chi-squared, after Holm")
    psi: float | None = Field(default=None, description="population stability index, in nats; never decides")
    ks: float | None = Field(default=None, description="largest distance of the distribution functions")
    wasserstein_sd: float | None = Field(default=None, description="in standard deviations of the reference")
    mean: float | None = None
    reference_mean: float | None = None
    mean_shift_sd: float | None = Field(default=None, description="signed, in standard deviations of the reference")
    unusual_share: float | None = Field(default=None, description="outside the middle 99 % of the reference")
    js: float | None = Field(default=None, description="Jensen-Shannon distance to base 2, 0 to 1")
    new_categories: tuple[str, ...] = ()
    distribution: Distribution = Distribution()

    @property
    def effect(self) -> float | None:
        """The figure whose size decides: of a number W/sd, of a category JS."""
        return self.wasserstein_sd if self.kind == "number" else self.js


class DriftReport(_Part):
    """How the current windows compare with the reference.

    Attributes:
        verdict: `drift` if a column drifts; else `not_enough_rows` if a feature or the predictions are undecided.
        domain: whose columns these are; None of tables.
        model: whose reference it is; None of tables.
        reference_rows: rows of the reference.
        windows: what was compared, newest first.
        needed: how many windows must alarm.
        scored: predictions made while the rows of the windows came in, sampled or not; None of tables.
        mean_prediction: over these.
        skipped_entries: entries of the window that were written for other columns and not read.
        columns: features, then predictions and outcomes where there are any.
        ignored: columns of the current table that the reference does not have.
    """

    verdict: Verdict
    domain: str | None = None
    model: ModelStamp | None = None
    reference_rows: int
    windows: tuple[WindowSpan, ...]
    needed: int
    scored: int | None = None
    mean_prediction: float | None = None
    skipped_entries: int = 0
    columns: tuple[ColumnDrift, ...]
    ignored: tuple[str, ...] = ()

    @property
    def drifted(self) -> tuple[str, ...]:
        """Names of the columns that drift."""
        return tuple(column.name for column in self.columns if column.verdict == "drift")


class DriftEvent(BaseModel):
    """A report as it stands on the stream."""

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    source: str
    type: Literal["drift.reported"] = "drift.reported"
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    data: DriftReport
