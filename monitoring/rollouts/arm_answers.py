"""The predictions of a rollout, read from the stream of predictions with what a comparison needs of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from schemas.rollouts import ArmName
from schemas.shards import entry_name, listing_key
from schemas.stamp import Stamp
from schemas.streams import DATA_FIELD
from transport.entries import EntryId


class _Data(msgspec.Struct):
    listing_id: str
    prediction: float | str
    model: Stamp
    listing_source: str = ""
    imputed: list[str] = []


class _Prediction(msgspec.Struct):
    id: str
    data: _Data
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class ArmAnswer:
    """A prediction whose consumer carried out the rollout.

    Attributes:
        entry: name of the listing's entry (`schemas.shards.entry_name`).
        at_ms: time of the prediction, in milliseconds of Redis's clock.
        latency_ms: since the listing was published; None if that is not known.
        arm: to which the listing was assigned, whichever model answered.
        prediction: in the target's unit, or a class name.
        is_fallback: whether the champion answered in the challenger's place.
        is_imputed: whether features were imputed.
        key: of the subject, or of the identity (`schemas.arms`).
        has_subject: which of both.
    """

    entry: str
    at_ms: int
    latency_ms: int | None
    arm: ArmName
    prediction: float | str
    is_fallback: bool
    is_imputed: bool
    key: int
    has_subject: bool


_DECODER = msgspec.json.Decoder(_Prediction)


def read_answers(
    entries: Iterable[tuple[bytes, Mapping[bytes, bytes]]], rollout: str, shard: int = 0
) -> list[ArmAnswer]:
    """Those predictions among the entries of a shard that name the rollout."""
    answers = []
    for entry_id, fields in entries:
        event = _DECODER.decode(fields[DATA_FIELD])
        data, stamp = event.data, event.data.model
        if stamp.rollout != rollout or stamp.arm is None:
            continue
        at_ms = EntryId.parse(entry_id).ms
        answers.append(
            ArmAnswer(
                entry=entry_name(shard, event.id),
                at_ms=at_ms,
                latency_ms=EntryId.parse(event.id).age_ms(at_ms),
                arm=stamp.arm,
                prediction=data.prediction,
                is_fallback=stamp.fallback,
                is_imputed=bool(data.imputed),
                key=listing_key(event.subject, data.listing_source, data.listing_id),
                has_subject=bool(event.subject),
            )
        )
    return answers
