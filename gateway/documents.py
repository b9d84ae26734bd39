"""The documents of the routes beside scoring: what they accept and answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictStr

from schemas.events import SourceName, Text, Time
from schemas.frozen_model import FrozenModel


class HealthDocument(FrozenModel):
    """The state of one domain: degraded if nothing scores, warning if it scores and an operator should look."""

    status: Literal["healthy", "degraded", "warning"]
    model_loaded: bool = Field(description="whether a consumer scores with a model")
    model_version: str | None
    uptime_hours: float = Field(description="of this gateway")
    total_predictions: int | None = Field(description="of the domain; null while Redis does not answer")
    warnings: list[str]


class MetricsDocument(FrozenModel):
    """Figures of one domain: predictions over all consumers, times of this gateway's latest 10,000 answers."""

    total_predictions: int
    predictions_per_hour: float = Field(description="at the rate of the last minute")
    avg_inference_time: float | None = Field(description="seconds from a request's arrival to its answer")
    p50_inference_time: float | None
    p95_inference_time: float | None
    p99_inference_time: float | None
    avg_prediction: float | None = Field(description="null of a classification")
    std_prediction: float | None
    refused: int = Field(description="listings with a dead letter")
    repeats: int
    backlog: int
    uptime_hours: float = Field(description="of this gateway")


class FeatureDocument(FrozenModel):
    """One feature that listings have."""

    name: str
    kind: Literal["number", "integer", "category"]
    unit: str
    description: str
    may_miss: bool
    minimum: float | None
    maximum: float | None
    categories: list[str]


class ServedModelDocument(FrozenModel):
    """The model that a domain is meant to serve, and which versions its consumers run."""

    model_name: str
    model_version: str | None = Field(description="that every consumer is meant to run; null before the first")
    champion: str | None
    activation: str | None = Field(description="entry id of its activation, which predictions carry")
    digest: str | None = Field(description="SHA-256 of the stored model")
    active: dict[str, int] = Field(description="versions that consumers run, with their number")
    task: Literal["regression", "classification"]
    target: str
    unit: str
    classes: list[str]
    features: list[FeatureDocument]


class ReloadRequest(BaseModel):
    """Which model to activate: a version, or an alias; the champion by default."""

    model_config = ConfigDict(extra="forbid")

    version: str | None = Field(None, min_length=1, max_length=64)
    alias: str | None = Field(None, min_length=1, max_length=64)
    force: bool = Field(default=False, description="activate a version that never passed the gate; takes a reason")
    reason: str = Field("", max_length=1000)
    wait: bool = Field(default=False, description="also wait for every consumer to confirm")
    timeout_s: float = Field(30.0, gt=0, le=120)


class ReloadDocument(FrozenModel):
    """The activation that resulted."""

    command_id: str
    model_version: str
    activation: str
    champion: str | None
    confirmed: dict[str, float | None] | None = Field(description="consumers that run it, with their load time in ms")


class OutcomeRequest(BaseModel):
    """The true value or class of a listing, such as its sale price."""

    model_config = ConfigDict(extra="forbid")

    listing_id: Text
    outcome: StrictFloat | StrictStr = Field(description="a number in the target's unit, or a class name")
    listing_source: SourceName | None = Field(
        None,
        description="source of the listing, which only an operator may name; by default that of this key's listings",
    )
    id: Text | None = Field(None, description="of the outcome; a new one by default")
    time: Time | None = Field(None, description="when it became known (RFC 3339); now by default")


class OutcomesDocument(FrozenModel):
    """Outcomes that were published; the monitor joins them with their predictions."""

    accepted: int
    entries: list[str]


class LiveDocument(FrozenModel):
    """Whether the process still runs."""

    live: bool


class ReadyDocument(FrozenModel):
    """Whether the process can work, and what is wrong."""

    ready: bool
    reasons: list[str]


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of problems by status."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}}
    return {status: {"description": "a problem", "content": content} for status in statuses}
