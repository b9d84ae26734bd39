"""The listings that are drained: real rows of Boston housing, each under an id of its own."""

from __future__ import annotations

import itertools

from producer.encoding import encode_listing
from producer.samples import SEED, sample_rows
from schemas.domain import Domain

PUBLISHED_AT = "2026-11-20T12:00:00Z"


def listing_id(number: int) -> str:
    """The id of a listing, as long as a UUID."""
    return f"0192f0c1-7b7a-7c3e-9d55-{number:012d}"


def build_payloads(domain: Domain, count: int) -> list[bytes]:
    """The JSON of so many listings; the same each time."""
    rows = itertools.islice(sample_rows(domain, SEED), count)
    return [
        encode_listing({"specversion": "1.0", "id": listing_id(number), "time": PUBLISHED_AT, "data": row})
        for number, row in enumerate(rows)
    ]
