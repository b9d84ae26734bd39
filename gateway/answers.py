"""The answers of the gateway to listings: a prediction, or why there is none, from the events of the reply stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.problems import STATUS_OF_REASON, FieldProblemAnswer, HttpProblemError, ProblemAnswer
from schemas.domain import Domain
from schemas.shards import entry_name, shard_of_source

encode = msgspec.json.Encoder().encode
_RETRY_LIMITED_S = 1


class ReplyData(msgspec.Struct):
    """What the data of a prediction, a dead letter or a repeat may hold."""

    listing_id: str | None = None
    listing_source: str = ""
    prediction: float | str | None = None
    model: dict[str, Any] = {}
    imputed: list[str] = []
    unusual: list[str] = []
    probabilities: dict[str, float] | None = None
    confidence: float | None = None
    labels: dict[str, str] | None = None
    interval: list[float] | None = None
    candidates: list[str] | None = None
    coverage: float | None = None
    stored: dict[str, Any] | None = None
    reason: str = ""
    errors: list[FieldProblemAnswer] = []
    first: str | None = None


class ReplyEvent(msgspec.Struct):
    """An event of a reply stream, as far as answers need it."""

    id: str
    type: str
    time: str
    data: ReplyData
    source: str = ""

    @property
    def entry(self) -> str:
        """The name of the listing's entry."""
        return entry_name(shard_of_source(self.source), self.id)


class PredictionAnswer(msgspec.Struct, omit_defaults=True):
    """The prediction for a listing.

    Attributes:
        prediction: a number in the target's unit, or the name of a class.
        model_version: version of the model in the registry.
        model_name: name of the model in the registry, which is the domain's.
        inference_time: seconds from the request's arrival to this answer.
        features_used: names of the features that had a value.
        imputed: names of missing features, which were filled with values learned in training.
        unusual: names of features outside the range of the training rows.
        listing_id: id of the listing; a request that repeats it gets this prediction again.
        listing_source: source of the listing.
        entry: name of the listing's entry: its id, and its shard after an @ unless that is the first.
        time: when it was predicted (RFC 3339).
        model: version, activation, and what a rollout adds.
        probabilities: by class; they sum to one.
        confidence: probability of the predicted class.
        labels: that the domain declares for the predicted class.
        interval: lower and upper end.
        candidates: classes that the prediction set holds.
        coverage: share of listings whose interval or prediction set holds the true value.
        stored: features that were taken from the store, as they were served.
        is_repeat: whether the listing was predicted by an earlier request.
    """

    prediction: float | str
    model_version: str
    model_name: str
    inference_time: float
    features_used: list[str]
    imputed: list[str]
    unusual: list[str]
    listing_id: str
    listing_source: str
    entry: str
    time: str
    model: dict[str, Any]
    probabilities: dict[str, float] | None = None
    confidence: float | None = None
    labels: dict[str, str] | None = None
    interval: list[float] | None = None
    candidates: list[str] | None = None
    coverage: float | None = None
    stored: dict[str, Any] | None = None
    is_repeat: bool = False


class BatchAnswer(msgspec.Struct):
    """The answers to a batch, in the order of its listings.

    Attributes:
        predictions: a prediction for each listing, or why it has none.
        count: how many listings the batch holds.
        refused: how many of them have no prediction.
        model_name: name of the model in the registry.
        inference_time: seconds from the request's arrival to this answer.
    """

    predictions: list[Any]  # msgspec describes no union of two structs; `gateway.openapi` does
    count: int
    refused: int
    model_name: str
    inference_time: float


class AcceptedAnswer(msgspec.Struct):
    """A listing that was published without waiting for its answer.

    Attributes:
        listing_id: id of the listing.
        entry: name of the listing's entry: its id, and its shard after an @ unless that is the first.
        href: where its prediction can be fetched.
    """

    listing_id: str | None
    entry: str
    href: str


class AcceptedBatch(msgspec.Struct):
    """Listings that were published without waiting for their answers, in the order of the batch."""

    accepted: list[AcceptedAnswer]


read_reply = msgspec.json.Decoder(ReplyEvent).decode


class AnswerBuilder:
    """Builds the answers of one domain.

    Args:
        domain: whose listings are answered.
    """

    def __init__(self, domain: Domain) -> None:
        self._name = domain.name
        self._columns = domain.columns

    def prediction(self, event: ReplyEvent, seconds: float, *, is_repeat: bool = False) -> PredictionAnswer:
        """The answer to a listing that was predicted."""
        data = event.data
        missing = data.imputed
        used = [column for column in self._columns if column not in missing] if missing else [*self._columns]
        return PredictionAnswer(
            data.prediction if data.prediction is not None else "",
            data.model.get("version", ""),
            self._name,
            round(seconds, 6),
            used,
            missing,
            data.unusual,
            data.listing_id or "",
            data.listing_source,
            event.entry,
            event.time,
            data.model,
            data.probabilities,
            data.confidence,
            data.labels,
            data.interval,
            data.candidates,
            data.coverage,
            data.stored,
            is_repeat,
        )

    def refusal(self, event: ReplyEvent, features: Mapping[str, Any]) -> HttpProblemError:
        """The problem of a listing that was refused, with the values that were sent."""
        data = event.data
        errors = [
            FieldProblemAnswer(one.field, one.message, features[one.field]) if one.field in features else one
            for one in data.errors
        ]
        texts = [f"{one.field}: {one.message}" if one.field else one.message for one in errors]
        status = STATUS_OF_REASON.get(data.reason, 422)
        answer = ProblemAnswer("; ".join(texts), data.reason, status, errors, data.listing_id, event.entry)
        headers = {"Retry-After": str(_RETRY_LIMITED_S)} if status == 429 else {}  # noqa: PLR2004 - too many requests
        return HttpProblemError(answer, headers)
