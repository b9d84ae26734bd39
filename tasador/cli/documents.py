"""JSON documents that commands assemble themselves, where no contract or report is written as it is."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from operations.verification.log_report import LogReport
from operations.verification.report import VerificationReport
from operations.verification.scope import Coverage
from registry.stages import Stage
from schemas.commands import ModelEvent
from schemas.events import DeadLetter, Prediction, Repeat
from schemas.frozen_model import FrozenModel
from training.data.quality import DataQualityReport


class VersionDocument(FrozenModel):
    """A version of a registered model; `registry show` adds features and gate, `registry best` metric and value."""

    name: str
    version: str
    digest: str = Field(description="SHA-256 of the stored artifact")
    uri: str = Field(description="of the artifact")
    run_id: str
    algorithm: str = Field(description="the recipe that made it")
    trained_at: str = Field(description="ISO 8601")
    data_sha256: str
    status: str = Field(description="registered, or the gate's last result")
    command_id: str | None
    aliases: tuple[str, ...]
    tags: dict[str, str]
    metrics: dict[str, float]
    stage: Stage
    is_desired: bool | None = Field(
        default=None, description="whether consumers are meant to run it; absent where Redis is not asked"
    )
    active_in: int | None = Field(default=None, description="consumers that run it; absent likewise")


class ModelDocument(FrozenModel):
    """A registered model; the last two are absent where Redis does not answer."""

    name: str
    versions: int
    champion: str | None
    challenger: str | None
    desired: str | None = Field(default=None, description="version that every consumer is meant to run")
    active: dict[str, int] = Field(default_factory=dict, description="version -> living consumers that run it")


class MadeKey(FrozenModel):
    """An API key of the gateway; only its SHA-256 is stored."""

    name: str
    role: Literal["client", "operator"]
    domain: str
    key: str = Field(description="what callers send; it is shown once")


class ListedKey(FrozenModel):
    """An API key as `keys list` shows it."""

    name: str
    role: Literal["client", "operator"]
    created: str = Field(description="ISO 8601")


class RevokedKey(FrozenModel):
    """An API key that was revoked."""

    name: str
    domain: str


class ShownVersion(VersionDocument):
    """A version with what `registry show` adds."""

    features: tuple[str, ...]
    gate: dict[str, Any] | None = Field(description="the gate's report")
    why_no_form: str | None = Field(
        description="why it has no serving form and is scored through its pipeline; None if it has one"
    )


class BestVersion(VersionDocument):
    """A version with what `registry best` adds."""

    metric: str
    value: float


class ActivationDocument(FrozenModel):
    """What `reload`, `rollback` and `registry promote` write once a version is active."""

    command_id: str
    version: str
    entry: str = Field(description="entry id of `model.activated`, which names the activation")
    confirmed: dict[str, float | None] | None = Field(
        default=None, description="with --wait: consumer -> time to load in ms, where it reported one"
    )


class RetrainDocument(FrozenModel):
    """What became of a `retrain`: an activation, the reason why the training was skipped, or what --cancel did."""

    command_id: str
    result: str | None = Field(default=None, description="with --cancel: the type of the final event")
    message: str | None = Field(default=None, description="with --cancel: what was stopped")
    version: str | None = None
    entry: str | None = None
    confirmed: dict[str, float | None] | None = None
    skipped: str | None = None


class VersionPair(FrozenModel):
    """What `registry compare` writes."""

    versions: tuple[VersionDocument, VersionDocument]
    folds: dict[str, float] | None = Field(description="how much better the second is; None without the same folds")


class DeletedAlias(FrozenModel):
    """What `registry delalias` writes."""

    alias: str
    version: None


class TrainingDocument(FrozenModel):
    """What `train` writes; without a training (--unless-champion) only the first four fields."""

    name: str
    version: str
    is_champion: bool
    is_trained: bool = True
    digest: str = Field(default="", description="SHA-256 of the stored artifact")
    algorithm: str = Field(default="", description="the recipe that won")
    gate: dict[str, Any] | None = Field(default=None, description="the gate's report; None if it did not judge")
    metrics: dict[str, float] = Field(default={}, description="cv_… over folds, test_… on the test rows, us_per_row")
    metric: str = Field(default="", description="the deciding metric")
    candidates: tuple[dict[str, Any], ...] = ()
    test_rows: tuple[int, ...] = Field(default=(), description="positions in the source, counted from 0")
    rows: int = Field(default=0, description="accepted rows, including test rows")
    problems: tuple[dict[str, Any], ...] = Field(default=(), description="of the refused rows")
    source: str = ""
    data_sha256: str = ""
    run_id: str = ""
    seconds: float = 0


class DrawnDataReport(DataQualityReport):
    """The findings on a table, with the page on which its columns are drawn."""

    page: str


class DraftedDomain(FrozenModel):
    """What `domain new` has drafted."""

    name: str
    file: str = Field(description="of the class")
    path: str = Field(description="of the class, as package.module:Class")
    task: str
    features: int


class ServedPage(FrozenModel):
    """Where `mlflow` serves its page."""

    url: str
    experiment_url: str | None = Field(default=None, description="of the domain's experiment, if it has one")


class LoopDocument(FrozenModel):
    """What `loop pause` and `loop resume` write."""

    command_id: str
    result: str = Field(description="the type of the final event")


class VerificationDocument(VerificationReport):
    """A verification with its verdict, with how far back the streams reach, and the audit log if it was compared."""

    is_fine: bool
    sight: Coverage
    log: LogReport | None


class SettingDocument(FrozenModel):
    """One setting."""

    section: str
    key: str
    meaning: str
    unit: str
    admitted: str
    default: str
    variable: str


class ErasureDocument(FrozenModel):
    """What `forget` has erased; `stored` is 1 if there were stored features."""

    subject: str
    stored: int
    predictions: int
    outcomes: int
    files: int


class TailedPrediction(Prediction):
    """A prediction with its entry id."""

    entry_id: str


class TailedDeadLetter(DeadLetter):
    """A dead letter with its entry id."""

    entry_id: str


class TailedRepeat(Repeat):
    """A repeat with its entry id."""

    entry_id: str


class TailedModelEvent(ModelEvent):
    """A model event with its entry id."""

    entry_id: str


TailedEvent = TailedPrediction | TailedDeadLetter | TailedRepeat | TailedModelEvent
