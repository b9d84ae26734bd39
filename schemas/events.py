"""The events on the streams of listings, answers and outcomes: pydantic models that define the contract for clients.

They are CloudEvents 1.0 in JSON. `schemas.decoding` and `consumer.answer_encoder` implement the same contract faster.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeAlias

import msgspec
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypeVar

from schemas.refusals import Reason
from schemas.rollouts import ArmName
from schemas.shards import entry_name, shard_of_source

MAX_ID = 256
SOURCE_PATTERN = r"^[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*$"
"""Characters of a URI reference (RFC 3986)."""
TRACEPARENT_PATTERN = r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
"""W3C Trace Context."""
REPLY_NAME_PATTERN = r"^[a-z0-9-]{1,64}$"
"""The name of a stream of replies."""

AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]


def _rfc3339(value: object) -> object:
    """Parse a time as the fast decoder does, so that both accept the same strings."""
    if isinstance(value, datetime):
        return value
    try:
        return msgspec.convert(value, AwareTime)
    except msgspec.ValidationError as error:
        raise ValueError("must be an RFC 3339 time with a UTC offset") from error


def _one_line(value: str) -> str:
    # `$` also matches before a final newline
    if value.endswith("\n"):
        raise ValueError("must not end with a newline")
    return value


def _text_or_none(value: object) -> object:
    # a reply can never cost a listing its prediction, so a name that is none is ignored
    return value if isinstance(value, str) else None


Text = Annotated[str, Field(min_length=1, max_length=MAX_ID)]
Time = Annotated[AwareDatetime, BeforeValidator(_rfc3339, json_schema_input_type=str)]
SourceName = Annotated[str, Field(max_length=MAX_ID, pattern=SOURCE_PATTERN), AfterValidator(_one_line)]
Traceparent = Annotated[str, Field(pattern=TRACEPARENT_PATTERN), AfterValidator(_one_line)]
ReplyName = Annotated[
    str | None,
    BeforeValidator(_text_or_none),
    Field(
        description=f"name of a stream of replies ({REPLY_NAME_PATTERN}) that gets the answer too; others are ignored"
    ),
]

Row = TypeVar("Row", default=dict[str, Any])


class Listing(BaseModel, Generic[Row]):
    """A listing to score. Its identity is (source, id); other attributes of the envelope are accepted."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, regex_engine="python-re")

    specversion: Literal["1.0"] | None = "1.0"
    id: Text
    source: SourceName | None = ""
    type: Text | None = "listing.submitted"
    time: Time | None = None
    subject: Text | None = Field(
        default=None, description="the property that the listing is about, whose stored features it takes"
    )
    datacontenttype: Text | None = None
    dataschema: Text | None = None
    traceparent: Traceparent | None = None
    replyto: ReplyName = None
    explain: bool | None = Field(default=None, description="whether an explanation of the prediction is wanted")
    data: Row


class Answer(BaseModel):
    """The envelope of all answers; `id` is the entry id of the answered listing, in the shard that `source` names."""

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    time: AwareDatetime
    subject: str | None = None
    traceparent: str | None = None

    @property
    def entry(self) -> str:
        """The answered listing's entry, as publishing returned it."""
        return entry_name(shard_of_source(self.source), self.id)


class EventEnvelope(BaseModel):
    """The envelope of the events about models, drift and quality; each kind adds its `data`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    source: str
    type: str
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))


class ModelStamp(BaseModel):
    """The model that predicted: its version in the registry, and its activation."""

    version: str
    activation: str = Field(description="of the model; of a challenger the entry id of `rollout.started`")
    rollout: str | None = Field(
        default=None, description="entry id of `rollout.started`; only where the consumer had the challenger loaded"
    )
    arm: ArmName | None = Field(default=None, description="the model that was to answer")
    fallback: bool | None = Field(
        default=None, description="true where the champion answered in the challenger's place"
    )


class PredictionData(BaseModel):
    """A prediction's data."""

    listing_id: str
    listing_source: str
    prediction: float | str = Field(description="a number in the target's unit, or a class name")
    probabilities: dict[str, float] | None = Field(default=None, description="by class name; they sum to one")
    confidence: float | None = Field(default=None, ge=0, le=1, description="probability of the predicted class")
    labels: dict[str, str] | None = Field(default=None, description="labels that the domain declares for the class")
    model: ModelStamp
    imputed: list[str] = Field(description="missing features, filled with values learned in training")
    unusual: list[str] = Field(description="features inside the declared range but outside the training range")
    stored: dict[str, int | float | str] | None = Field(
        default=None, description="features that the event lacked, with the stored values that were used"
    )
    interval: tuple[float, float] | None = Field(
        default=None, description="lower and upper end, between which the true value lies in `coverage` of all cases"
    )
    candidates: list[str] | None = Field(
        default=None, description="classes among which the true one is in `coverage` of all cases, in declared order"
    )
    coverage: float | None = Field(default=None, description="share of true values that such ranges hold")


class Prediction(Answer):
    """The prediction for a listing."""

    type: Literal["listing.scored"] = "listing.scored"
    data: PredictionData


class FieldProblem(BaseModel):
    """One error in one field."""

    field: str
    message: str


class DeadLetterData(BaseModel):
    """A dead letter's data."""

    listing_id: str | None
    listing_source: str
    reason: Reason
    errors: list[FieldProblem]
    payload: str | None = Field(description="the payload, cut at a limit; base64 if `payload_encoding` says so")
    payload_encoding: Literal["text", "base64"] = "text"
    payload_bytes: int
    payload_sha256: str
    delivery_count: int
    consumer: str


class DeadLetter(Answer):
    """A refused listing: the reason and its payload."""

    type: Literal["listing.refused"] = "listing.refused"
    data: DeadLetterData


class RepeatData(BaseModel):
    """A dropped repeat's data."""

    listing_id: str
    listing_source: str
    first: str | None = Field(default=None, description="entry of the prediction that its identity got")


class Repeat(Answer):
    """A listing that was dropped because its identity already has a prediction."""

    type: Literal["listing.repeated"] = "listing.repeated"
    data: RepeatData
    # no part of the event: `ask` puts the prediction here that `data.first` names
    prediction: SkipJsonSchema[Prediction | None] = Field(default=None, exclude=True)


ListingAnswer: TypeAlias = Annotated[Prediction | DeadLetter | Repeat, Field(discriminator="type")]
"""Any answer to a listing; its type says which one."""


class ResolutionData(BaseModel):
    """What an operator did with a dead letter."""

    listing_id: str | None
    listing_source: str
    reason: Reason
    dead_letter: str = Field(description="entry id of the dead letter")
    entry: str | None = Field(default=None, description="entry id of the listing when it was published again")
    actor: str


class Resolution(Answer):
    """A dead letter that an operator replayed or dropped; `id` is the entry id of the refused listing."""

    type: Literal["listing.replayed", "listing.dropped"]
    data: ResolutionData


class OutcomeData(BaseModel):
    """An outcome's data."""

    listing_id: Text
    listing_source: SourceName = ""
    outcome: float | str


class Outcome(BaseModel):
    """The true value or class of a listing, such as its sale price."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: Text
    type: Literal["listing.sold"] = "listing.sold"
    time: Time = Field(default_factory=lambda: datetime.now(UTC))
    data: OutcomeData
