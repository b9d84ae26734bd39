"""The listings that are drained: real rows of Boston housing, each under an id of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from producer.encoding import encode_listing
from producer.samples import SEED, sample_rows
from schemas.domain import Domain

ROWS = 500
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


def numbered(domain: Domain) -> Callable[[int], bytes]:
    """The JSON of a listing by its number, made quickly: a few hundred rows in turn, each time under another id."""
    last = "-" + "0" * 12
    head, _, _ = listing_id(0).rpartition(last)
    rows = [payload.split(listing_id(number).encode()) for number, payload in enumerate(build_payloads(domain, ROWS))]
    cut = [(before + head.encode(), after) for before, after in rows]
    return lambda number: b"%b-%012d%b" % (cut[number % ROWS][0], number, cut[number % ROWS][1])
