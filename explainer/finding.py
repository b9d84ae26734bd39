"""Finds what is known of one listing: its stored explanation, or its prediction with the row that was scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import redis

from monitoring.archive.location import archive_of
from monitoring.archive.reading import find_row, ranges_of
from schemas.decoding import ListingDecoder, payload_of
from schemas.domain import Domain
from schemas.errors import ExplanationError, RefusedListingError
from schemas.explanations import ExplainedListing
from schemas.settings import Settings
from schemas.shards import shard_of_source
from schemas.streams import DATA_FIELD, Streams
from transport.reading import entry_at
from transport.sharded_reading import KeyOf, scan_shards_back
from transport.shards import read_layout


@dataclass(frozen=True, slots=True)
class PredictedRow:
    """A prediction, and the row that was scored.

    Attributes:
        entry_id: of the listing.
        shard: of the listing.
        subject: of its event.
        data: of the prediction's event.
        features: by column, None for a gap.
    """

    entry_id: str
    shard: int
    subject: str | None
    data: dict[str, Any]
    features: dict[str, Any]


def find_explanation(
    client: redis.Redis, streams: Streams, listing_id: str, source: str | None
) -> ExplainedListing | None:
    """The newest explanation of a listing on the stream; None if there is none.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    shards = read_layout(client, streams).streams(streams)
    for _, event in _events_about(client, shards, lambda shard: shard.explanations, listing_id, source):
        if event["type"] == "listing.explained":
            return ExplainedListing.model_validate(event)
    return None


def find_predicted_row(
    client: redis.Redis, settings: Settings, domain: Domain, listing_id: str, source: str | None
) -> PredictedRow:
    """The newest prediction of a listing with its row, from the streams, or else from the audit log.

    Raises:
        ExplanationError: the listing is unknown, or its row is kept nowhere.
        redis.exceptions.RedisError: as the server answered.
    """
    shards = read_layout(client, settings.streams).streams(settings.streams)
    about = _events_about(client, shards, lambda shard: shard.predictions, listing_id, source)
    _, event = next(about, (0, None))
    if event is not None and (on_stream := row_of_prediction(client, settings, domain, event)) is not None:
        return on_stream
    row = find_row(archive_of(settings), listing_id, source)
    if row is not None and row["has_features"]:
        return row_of_log(domain, row)
    if event is None and row is None:
        raise ExplanationError(
            f"no prediction of listing {listing_id!r} is on the stream or in the audit log: it is unknown, or "
            "was refused, or was predicted too long ago"
        )
    raise ExplanationError(
        f"listing {listing_id!r} was predicted, but its row is gone: the stream was trimmed, and the audit log "
        "does not have it; publish the listing again with `explain`"
    )


def row_of_prediction(
    client: redis.Redis, settings: Settings, domain: Domain, event: dict[str, Any]
) -> PredictedRow | None:
    """The row of a prediction on the stream; None if its listing was trimmed.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    shard = shard_of_source(event["source"])
    listing = entry_at(client, settings.streams.of_shard(shard).listings, event["id"])
    features = _features_of(domain, settings, listing[1]) if listing else None
    if features is None:
        return None
    stored = event["data"].get("stored") or {}
    return PredictedRow(event["id"], shard, event.get("subject"), event["data"], features | stored)


def row_of_log(domain: Domain, row: dict[str, Any]) -> PredictedRow:
    """The row of a prediction in the audit log (`monitoring.archive.rows`), which has its features."""
    data = {
        "listing_id": row["listing_id"],
        "listing_source": row["listing_source"],
        "prediction": row["prediction"],
        "model": {"version": row["model_version"], "activation": row["model_activation"]},
        **ranges_of(row),
    }
    features = {name: row.get(name) for name in domain.columns}
    return PredictedRow(row["entry_id"], row.get("shard") or 0, row["subject"], data, features)


def _events_about(
    client: redis.Redis, shards: Sequence[Streams], key_of: KeyOf, listing_id: str, source: str | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Events that name a listing in their data, newest first, each with its shard."""
    needle = msgspec.json.encode(listing_id)
    for number, _, fields in scan_shards_back(client, shards, key_of):
        payload = fields.get(DATA_FIELD, b"")
        # decoding every event takes ten times as long as the search for the id
        if needle in payload:
            event: dict[str, Any] = msgspec.json.decode(payload)
            data = event["data"]
            if data["listing_id"] == listing_id and source in {None, data["listing_source"]}:
                yield number, event


def _features_of(domain: Domain, settings: Settings, fields: dict[bytes, bytes]) -> dict[str, Any] | None:
    try:
        # a listing that was predicted lacked nothing, but perhaps only thanks to stored features
        data = ListingDecoder(domain, settings.limits, may_lack=True).decode(payload_of(fields)).data
    except RefusedListingError:  # another listing took its place in a stream that was made anew
        return None
    return dict(zip(domain.columns, msgspec.structs.astuple(data), strict=True))
