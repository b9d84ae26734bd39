"""The sections of the settings: what belongs together in params.yaml, each key with its meaning, unit and default.

How they are read is `schemas.settings`'s business.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)


class Section(BaseModel):
    """What all sections share: unknown keys are refused, nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DomainSettings(Section):
    """One domain."""

    path: str | None = Field(None, description="dotted path package.module:Class; not needed for built-in domains")
    data: str | None = Field(None, description="its training data: a file, a URL, kaggle:owner/name or uci:number")
    may_miss: tuple[str, ...] | None = Field(None, description="features that may be missing, instead of the class's")


class LimitSettings(Section):
    """How much of a payload is looked at: what breaks a limit becomes a dead letter, unread."""

    max_payload_bytes: PositiveInt = Field(65_536, description="size of a payload, in bytes")
    max_depth: PositiveInt = Field(16, ge=2, description="how deep objects and lists are nested; an event needs two")
    max_values: PositiveInt = Field(256, ge=4, description="values in a payload, objects and lists counted too")
    max_key_bytes: PositiveInt = Field(256, description="length of a key as it is written, in bytes")
    max_number_chars: PositiveInt = Field(
        1000, ge=64, description="length of a number, in characters; shorter payloads are not searched for one"
    )


class RateLimitSettings(Section):
    """How much each source may send; what is beyond becomes a dead letter in a stream of its own."""

    events_per_s: NonNegativeFloat = Field(0.0, description="events a second of one source; 0 for no limit")
    burst: PositiveInt = Field(1000, description="events that a source may send at once after a pause")


class BatchSettings(Section):
    """How much a consumer reads at once."""

    max_records: PositiveInt = Field(1000, le=5000, description="entries a read returns at most")
    block_ms: PositiveInt = Field(500, description="how long a read waits for the first entry, in ms")


class SwapSettings(Section):
    """How consumers follow the desired model."""

    poll_s: PositiveFloat = Field(
        1.0, description="how often the desired model is read when no event announces it, in s"
    )
    max_us_per_row: PositiveFloat = Field(
        10.0, description="what a model may cost a row at 1,000 rows, where the reference model costs 2.4, in µs"
    )


class RetentionSettings(Section):
    """How long what was answered is kept. What is unread or pending is never trimmed."""

    listings: PositiveInt = Field(1_000_000, description="listings kept at most")
    answers: PositiveInt = Field(1_000_000, description="predictions, dead letters and repeats kept at most, each")
    rate_limited: PositiveInt = Field(10_000, description="dead letters of rate-limited listings kept at most")
    max_age_s: PositiveInt = Field(7 * 86_400, description="age after which listings and answers are trimmed, in s")
    archiver_lag: PositiveInt = Field(200_000, description="entries that trimming waits for the audit log at most")
    interval_s: PositiveFloat = Field(1.0, description="how often a consumer trims, in s")


class WindowSettings(Section):
    """The window of recent rows."""

    max_rows: PositiveInt = Field(100_000, description="rows kept at most")
    max_age_s: PositiveInt = Field(7 * 86_400, description="age after which rows are trimmed, in s")
    full_batch_rows: PositiveInt = Field(200, description="rows of one batch that are kept; larger batches are sampled")


class MonitorSettings(Section):
    """How the monitor works."""

    interval_s: PositiveFloat = Field(30.0, description="how often it looks at the window, in s")
    reports_kept: PositiveInt = Field(1000, description="reports kept on the stream, about")


class OutcomeSettings(Section):
    """How outcomes are joined with predictions, and what counts as good."""

    hot_hours: PositiveInt = Field(24, description="how long predictions are indexed in Redis, in hours")
    orphan_hours: PositiveInt = Field(48, description="after how long without a prediction an outcome is an orphan")
    retry_s: PositiveFloat = Field(60.0, description="how often predictions of waiting outcomes are looked for, in s")
    far_off: PositiveFloat = Field(5.0, description="error that counts as far off, in the target's unit")
    fast_ms: PositiveInt = Field(200, description="time within which an answer counts as fast, in ms")


class ArchiveSettings(Section):
    """The audit log."""

    is_on: bool = Field(default=True, description="whether the monitor writes it")
    folder: Path | None = Field(None, description="where it lies; `archive` in the home folder by default")
    rows_per_file: PositiveInt = Field(10_000, description="rows of a file at most")
    flush_s: PositiveFloat = Field(60.0, description="how long a prediction waits for others to fill a file, in s")
    keep_days: PositiveInt = Field(365, description="days that are kept")


class DriftSettings(Section):
    """When current rows count as drifted from the reference."""

    window_rows: PositiveInt = Field(1000, description="rows of a window at most; of fewer, smaller windows are cut")
    min_rows: PositiveInt = Field(200, description="values that a window and the reference need for a verdict")
    windows: PositiveInt = Field(3, description="windows that are compared, none overlapping another")
    needed: PositiveInt = Field(2, description="windows that must alarm; not more than there are")
    min_wasserstein_sd: PositiveFloat = Field(
        0.2, description="Wasserstein distance that matters in a number, in standard deviations of the reference"
    )
    min_js: PositiveFloat = Field(0.1, le=1, description="Jensen-Shannon distance that matters in a category, base 2")
    min_missing: PositiveFloat = Field(0.1, le=1, description="change of the missing share that matters")
    max_p: PositiveFloat = Field(0.01, lt=1, description="chance of a false alarm in a window, over all columns (Holm)")

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.needed > self.windows:
            raise ValueError(f"needed: {self.needed} of {self.windows} windows cannot alarm")
        return self


class LoopSettings(Section):
    """When the monitor asks for another model, and when it takes one back."""

    is_on: bool = Field(default=True, description="whether it does either")
    max_error_gain: PositiveFloat = Field(
        0.2, description="how much the error of 24 hours may exceed that over folds, as a share"
    )
    min_labelled: PositiveInt = Field(200, description="outcomes of 24 hours from which their error counts")
    drift_reports: PositiveInt = Field(3, description="reports in a row that say drift, until it counts")
    max_age_s: PositiveInt = Field(30 * 86_400, description="age at which a champion is replaced anyway, in s")
    cooldown_s: PositiveInt = Field(6 * 3600, description="time between two trainings that the monitor asks for, in s")
    max_per_day: PositiveInt = Field(4, description="trainings that the monitor asks for within 24 hours")
    bake_minutes: NonNegativeFloat = Field(10.0, description="how long a promoted model is watched, in minutes")
    bake_min_answers: PositiveInt = Field(200, description="answers from which a watched model is judged")
    bake_max_poison_share: NonNegativeFloat = Field(0.01, description="share of listings that it could not score")
    bake_max_p99_ms: PositiveFloat = Field(1000.0, description="99th percentile of the time of its answers, in ms")
    bake_max_shift_sd: PositiveFloat = Field(
        1.0, description="shift of its mean prediction, in standard deviations of the model before it"
    )


class SourcesSettings(Section):
    """What a download may take."""

    timeout_s: PositiveFloat = Field(30.0, description="how long a server may be silent, in s")
    max_bytes: PositiveInt = Field(500_000_000, description="size of a table at most, in bytes")


class TrainingSettings(Section):
    """How models are trained."""

    seed: int = Field(42, description="seed of every random choice")
    test_share: PositiveFloat = Field(0.2, lt=1, description="share of rows put aside as test rows")
    folds: PositiveInt = Field(5, ge=2, description="folds of the cross-validation")
    repeats: PositiveInt = Field(5, description="repetitions of the cross-validation with other folds")
    models: tuple[str, ...] = Field((), description="recipes to try; empty for all that fit the task")
    n_jobs: NonNegativeInt = Field(0, description="folds that run side by side; 0 for one a core; no figure changes")
    time_column: str | None = Field(
        None, description="column that says when a row was true: later rows then judge what learnt from earlier ones"
    )
    max_bad_share: NonNegativeFloat = Field(0.05, le=1, description="share of refused training rows that stops a run")
    reference_rows: PositiveInt = Field(2000, description="training rows kept beside a model as its reference")
    golden_rows: PositiveInt = Field(32, description="rows whose predictions a loaded model must reproduce")
    report: Literal["full", "figures"] = Field("full", description="full draws plots, which takes some seconds")


class SearchSettings(Section):
    """How parameters of recipes are searched."""

    trials: NonNegativeInt = Field(25, description="trials of each recipe that has something to choose; 0 for none")
    seconds: PositiveFloat = Field(80.0, description="time after which no further trial begins, in s")


class GateSettings(Section):
    """What a version must reach before an alias puts it in charge. Figures are those over folds."""

    min_rows: PositiveInt = Field(200, description="training rows at least")
    max_rmse: dict[str, PositiveFloat | None] = Field(
        default_factory=lambda: dict[str, float | None](housing=5.0),
        description="largest rmse by domain, in the target's unit; null for none",
    )
    min_r2: float = Field(0.7, le=1, description="smallest r2 of a regression")
    min_accuracy: NonNegativeFloat = Field(0.85, le=1, description="smallest accuracy of a classification")
    max_bias: NonNegativeFloat = Field(0.02, description="largest mean error, as a share of the target's mean")
    min_gain: float = Field(0.01, description="gain on the champion: share of its rmse, or of its errors")
    min_folds_won: NonNegativeFloat = Field(0.6, le=1, description="share of the folds in which it is better")
    min_lower_bound: float = Field(-0.1, description="lower end of the gain's corrected interval, share of the metric")
    min_segment_rows: PositiveInt = Field(30, description="rows from which a part of a segment counts")
    max_segment_loss: NonNegativeFloat = Field(0.1, description="how much worse it may be in a part, as a share")
    fresh_rows: PositiveInt = Field(
        200, description="rows new to the champion from which it is judged as it answers today"
    )
    fresh_fold_rows: PositiveInt = Field(20, ge=2, description="how many of these each fold must have")
    max_old_loss: NonNegativeFloat = Field(
        1.0, description="how much worse it may then be on the champion's own rows, share of its rmse or errors"
    )
