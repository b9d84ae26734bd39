"""The sections of the settings in params.yaml, read by `schemas.settings`: each key with its meaning and default."""

from __future__ import annotations

from typing import Annotated, Literal, Self

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
    """Base of all sections: unknown keys are an error, and values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TableSettings(Section):
    """How the files of a domain are read."""

    decimal: Literal[".", ","] | None = Field(None, description="decimal separator of numbers such as 1,234 or 12,5")
    rename: dict[str, str] = Field(default_factory=dict, description="names of columns in files: {in file: in domain}")


class DomainSettings(Section):
    """One domain."""

    path: str | None = Field(None, description="dotted path package.module:Class; not needed for built-in domains")
    data: str | None = Field(None, description="training data: a file, a URL, kaggle:owner/name or uci:number")
    may_miss: tuple[str, ...] | None = Field(None, description="features that may be missing; overrides the class")
    table: TableSettings = TableSettings()


class LimitSettings(Section):
    """Limits of a payload, which becomes a dead letter without being parsed if it exceeds one."""

    max_payload_bytes: PositiveInt = Field(65_536, description="largest size of a payload, in bytes")
    max_depth: PositiveInt = Field(16, ge=2, description="deepest nesting of objects and lists; an event needs two")
    max_values: PositiveInt = Field(256, ge=4, description="largest number of values, including objects and lists")
    max_key_bytes: PositiveInt = Field(256, description="largest length of a key as written, in bytes")
    max_number_chars: PositiveInt = Field(
        1000, ge=64, description="largest length of a number, in characters; shorter payloads are not checked for it"
    )


class RateLimitSettings(Section):
    """The rate limit of each source; events beyond it become dead letters in a separate stream."""

    events_per_s: NonNegativeFloat = Field(0.0, description="events per second and source; 0 for no limit")
    burst: PositiveInt = Field(1000, description="events that a source may send at once after a pause")


class ReplySettings(Section):
    """Replies, copies of answers for the clients that ask for them."""

    max_names: PositiveInt = Field(
        64, le=1000, description="largest number of reply names in a batch; listings beyond it get no reply"
    )


class ExplainSettings(Section):
    """Explanations of predictions, which explainers compute from requests."""

    share: NonNegativeFloat = Field(
        0.0, le=1, description="share of the listings that is explained besides those that want it"
    )
    max_requests: PositiveInt = Field(
        100_000, description="largest number of unanswered requests; predictions beyond it are not explained"
    )
    kept: PositiveInt = Field(100_000, description="approximate number of explanations kept on the stream")


class BatchSettings(Section):
    """The batches that a consumer reads."""

    max_records: PositiveInt = Field(1000, le=5000, description="largest number of entries in a batch")
    block_ms: PositiveInt = Field(500, description="time that a read waits for the first entry, in ms")


class SwapSettings(Section):
    """How consumers follow the desired model."""

    poll_s: PositiveFloat = Field(
        1.0, description="interval at which the desired model is read, besides events that announce it, in s"
    )
    max_us_per_row: PositiveFloat = Field(
        10.0, description="largest cost of a model per row, on a scale on which the reference model costs 2.4, in µs"
    )


class RetentionSettings(Section):
    """Retention of answered listings and their answers. Undelivered and pending entries are never trimmed."""

    listings: PositiveInt = Field(1_000_000, description="largest number of listings")
    answers: PositiveInt = Field(1_000_000, description="largest number of predictions, dead letters and repeats, each")
    rate_limited: PositiveInt = Field(10_000, description="largest number of dead letters of rate-limited listings")
    max_age_s: PositiveInt = Field(7 * 86_400, description="age after which listings and answers are trimmed, in s")
    archiver_lag: PositiveInt = Field(200_000, description="audit-log lag up to which trimming waits, in entries")
    interval_s: PositiveFloat = Field(1.0, description="interval at which a consumer trims, in s")


class WindowSettings(Section):
    """The window of recent rows."""

    max_rows: PositiveInt = Field(100_000, description="largest number of rows")
    max_age_s: PositiveInt = Field(7 * 86_400, description="age after which rows are trimmed, in s")
    full_batch_rows: PositiveInt = Field(200, description="largest batch that is stored whole; larger ones are sampled")


class MonitorSettings(Section):
    """The monitor's reports."""

    interval_s: PositiveFloat = Field(30.0, description="interval of reports, in s")
    reports_kept: PositiveInt = Field(1000, description="approximate number of reports kept on the stream")


class OutcomeSettings(Section):
    """The join of outcomes with predictions, and thresholds of quality."""

    hot_hours: PositiveInt = Field(24, description="time for which predictions are indexed in Redis, in hours")
    orphan_hours: PositiveInt = Field(48, description="time without a prediction after which an outcome is an orphan")
    retry_s: PositiveFloat = Field(60.0, description="interval of retries to join pending outcomes, in s")
    far_off: PositiveFloat = Field(
        5.0, description="error above which a prediction is far off, in the target's unit, unless the domain says"
    )
    fast_ms: PositiveInt = Field(200, description="time within which an answer is fast, in ms")


class DriftSettings(Section):
    """The criteria for drift of current rows from the reference."""

    window_rows: PositiveInt = Field(1000, description="rows of a window; smaller windows if there are fewer rows")
    min_rows: PositiveInt = Field(200, description="values that a window and the reference need for a verdict")
    windows: PositiveInt = Field(3, description="number of current windows, which do not overlap")
    needed: PositiveInt = Field(2, description="number of windows that must alarm; at most `windows`")
    min_wasserstein_sd: PositiveFloat = Field(
        0.2, description="smallest Wasserstein distance of numbers that counts, in standard deviations of the reference"
    )
    min_js: PositiveFloat = Field(0.1, le=1, description="smallest Jensen-Shannon distance that counts, base 2")
    min_missing: PositiveFloat = Field(0.1, le=1, description="smallest change of the missing share that counts")
    max_p: PositiveFloat = Field(0.01, lt=1, description="false-alarm probability of a window, over all columns (Holm)")

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.needed > self.windows:
            raise ValueError(f"needed is {self.needed}, but there are only {self.windows} windows")
        return self


class LoopSettings(Section):
    """When the monitor requests a retraining, and when it rolls a promoted model back."""

    is_on: bool = Field(default=True, description="whether the monitor retrains and rolls back")
    max_error_gain: PositiveFloat = Field(
        0.2, description="largest excess of the 24-hour error over the cross-validated error, as a share"
    )
    min_labelled: PositiveInt = Field(200, description="outcomes in 24 hours that the error check needs")
    drift_reports: PositiveInt = Field(3, description="consecutive reports with drift that trigger a retraining")
    max_age_s: PositiveInt = Field(30 * 86_400, description="age of a champion that triggers a retraining, in s")
    cooldown_s: PositiveInt = Field(6 * 3600, description="shortest time between two requested retrainings, in s")
    max_per_day: PositiveInt = Field(4, description="largest number of requested retrainings in 24 hours")
    promote_by: Literal["gate", "rollout"] = Field("gate", description="what promotes a version that the loop trained")
    bake_minutes: NonNegativeFloat = Field(10.0, description="time for which a promoted model is watched, in minutes")
    bake_min_answers: PositiveInt = Field(200, description="answers that a check of a watched model needs")
    bake_max_poison_share: NonNegativeFloat = Field(0.01, description="largest share of listings that it cannot score")
    bake_max_p99_ms: PositiveFloat = Field(1000.0, description="largest 99th percentile of its answer time, in ms")
    bake_max_shift_sd: PositiveFloat = Field(
        1.0, description="largest shift of a watched model's mean prediction, in the previous model's sd"
    )


class SourcesSettings(Section):
    """Limits of a download of training data."""

    timeout_s: PositiveFloat = Field(30.0, description="time without data after which a download fails, in s")
    max_bytes: PositiveInt = Field(500_000_000, description="largest size of a table, in bytes")


class TrainingSettings(Section):
    """The training of models."""

    seconds: PositiveFloat = Field(
        120.0, description="budget of a training on two cores, in s, by which it plans what it tries"
    )
    steps: NonNegativeInt = Field(
        0, description="steps after which a training ends, to repeat a stopped one; 0 for all"
    )
    metric: Literal["rmse", "mae", "mape", "log_loss", "accuracy", "macro_f1", "auc"] | None = Field(
        None, description="metric that decides between models; rmse for numbers and log_loss for classes by default"
    )
    threshold: Literal["macro_f1", "balanced_accuracy"] | Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="of two classes: probability from which the rarer is predicted, or the metric that sets it"
    )
    seed: int = Field(42, description="random seed")
    test_share: PositiveFloat = Field(0.2, lt=1, description="share of rows held out as test rows")
    folds: PositiveInt = Field(5, ge=2, description="largest number of folds of the cross-validation")
    repeats: PositiveInt = Field(5, description="largest number of repetitions with other folds")
    models: tuple[str, ...] = Field((), description="recipes to try; empty for all of the task")
    recipes: tuple[str, ...] = Field((), description="recipes of your own, each package.module:RECIPE")
    n_jobs: NonNegativeInt = Field(0, description="folds that run in parallel; 0 for one per core; same results")
    time_column: str | None = Field(
        None, description="column with the time of a row: models are then tested on later rows than they learned from"
    )
    max_bad_share: NonNegativeFloat = Field(0.05, le=1, description="share of invalid rows above which training fails")
    reference_rows: PositiveInt = Field(2000, description="training rows stored with a model as its reference")
    golden_rows: PositiveInt = Field(32, description="rows whose predictions a loaded model must reproduce")
    report: Literal["full", "figures"] = Field("full", description="`full` includes plots, which take some seconds")


class GateSettings(Section):
    """What a version must reach to become champion or challenger. Metrics are cross-validated."""

    min_rows: PositiveInt = Field(200, description="smallest number of training rows")
    min_skill: NonNegativeFloat = Field(
        0.05,
        le=1,
        description="smallest gain on the naive answer, as a share of its loss; 0 for no check",
    )
    max_bias: NonNegativeFloat = Field(0.05, description="largest mean error of a regression, in sd of the target")
    min_gain: float = Field(0.01, description="smallest gain on the champion, as a share of its loss")
    min_folds_won: NonNegativeFloat = Field(0.6, le=1, description="smallest share of folds in which it is better")
    min_lower_bound: float = Field(-0.1, description="smallest lower end of the gain's interval, as a share")
    min_segment_rows: PositiveInt = Field(30, description="rows that a part of a segment needs to be checked")
    max_segment_loss: NonNegativeFloat = Field(0.1, description="largest loss in a part of a segment, as a share")
    fresh_rows: PositiveInt = Field(
        200, description="rows unseen by the champion that are needed to compare its current predictions on them"
    )
    fresh_fold_rows: PositiveInt = Field(20, ge=2, description="smallest number of these rows in each fold")
    max_old_loss: NonNegativeFloat = Field(
        1.0, description="how much worse it may be on the champion's own training rows in this case, as a share"
    )
