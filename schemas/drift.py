"""The drift report, the same for the stream, metrics, tables, the HTML page and notebooks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.events import EventEnvelope, ModelStamp
from schemas.frozen_model import FrozenModel

Verdict = Literal["no_drift", "drift", "not_enough_rows"]
ColumnVerdict = Literal["no_drift", "drift", "not_enough_rows", "too_few"]
"""`too_few`: there are rows enough, but too few of them have a value in this column."""
ColumnRole = Literal["feature", "prediction", "outcome"]


class Distribution(FrozenModel):
    """Shares of the present values in bins between `edges` (the outer bins are unbounded), or by category.

    Both tuples of shares are empty if one side has no values.
    """

    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    reference: tuple[float, ...] = ()
    current: tuple[float, ...] = ()


class WindowSpan(FrozenModel):
    """One of the current windows, which do not overlap.

    Attributes:
        rows: number of its rows.
        first: name of its oldest row's entry (`schemas.shards.entry_name`); None for a table.
        last: name of its newest row's entry; None for a table.
    """

    rows: int
    first: str | None = None
    last: str | None = None


class ColumnDrift(FrozenModel):
    """One column: statistics of the newest window against the reference, and the verdict over all windows.

    A statistic is None if it does not apply to the kind of column, or if there are too few values.
    """

    name: str
    role: ColumnRole
    kind: Literal["number", "category"]
    unit: str = ""
    verdict: ColumnVerdict
    alarms: tuple[bool | None, ...] = Field(
        description="by window, newest first: whether effect and significance suffice; None for unknown"
    )
    rows: int = Field(description="present values in the newest window")
    reference_rows: int = Field(description="present values in the reference")
    missing_share: float
    reference_missing_share: float
    missing_p: float | None = Field(default=None, description="p-value of chi-squared on the missing share, after Holm")
    p: float | None = Field(default=None, description="p-value of Kolmogorov-Smirnov or chi-squared, after Holm")
    psi: float | None = Field(default=None, description="population stability index, in nats; not part of the verdict")
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
        """The effect size that the verdict uses: Wasserstein/sd for a number, Jensen-Shannon for a category."""
        return self.wasserstein_sd if self.kind == "number" else self.js


class DriftReport(FrozenModel):
    """The comparison of the current windows with the reference.

    Attributes:
        verdict: `drift` if a column drifts; else `not_enough_rows` if more rows could still decide a feature or the
            predictions, or if none of these has values enough.
        domain: of the columns; None for tables.
        model: of the reference; None for tables.
        reference_rows: rows of the reference.
        windows: the current windows, newest first.
        needed: number of windows that must alarm.
        scored: predictions made during the windows, sampled or not; None for tables.
        mean_prediction: mean of these predictions.
        skipped_entries: entries of the window with another layout of columns, which were not read.
        columns: features, then predictions and outcomes if there are any.
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


class DriftEvent(EventEnvelope):
    """The event with a drift report."""

    type: Literal["drift.reported"] = "drift.reported"
    data: DriftReport
