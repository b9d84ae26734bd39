"""Reads the stream of listings."""

from __future__ import annotations

import json
from typing import Any

import redis

from schemas.decoding import DecodedListing, ListingDecoder, payload_of
from schemas.domain import load_domain
from schemas.sections import LimitSettings
from schemas.streams import Streams


def read_entries(client: redis.Redis, streams: Streams) -> list[tuple[str, bytes]]:
    """Entry id and payload of every entry."""
    entries: Any = client.xrange(streams.listings)
    return [(entry_id.decode(), payload_of(fields)) for entry_id, fields in entries]


def read_events(client: redis.Redis, streams: Streams) -> list[dict[str, Any]]:
    """The events as plain JSON."""
    return [json.loads(payload) for _, payload in read_entries(client, streams)]


def decode_all(client: redis.Redis, streams: Streams, domain: str = "housing") -> list[DecodedListing]:
    """The events as the consumer decodes them; raises on the first that it would refuse."""
    decoder = ListingDecoder(load_domain(domain), LimitSettings())
    return [decoder.decode(payload) for _, payload in read_entries(client, streams)]
