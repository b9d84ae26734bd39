"""The listings that benchmarks publish: real rows of Boston housing, each with an id of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

from producer import ListingPublisher
from producer.encoding import encode_listing
from producer.samples import SEED, sample_rows
from schemas.domain import Domain
from schemas.settings import Settings

ROWS = 500
PUBLISHED_AT = "2026-11-20T12:00:00Z"


def listing_id(number: int) -> str:
    """The id of a listing, as long as a UUID."""
    return f"0192f0c1-7b7a-7c3e-9d55-{number:012d}"


def build_payloads(domain: Domain, count: int) -> list[bytes]:
    """The JSON of `count` listings; the same on each call."""
    rows = itertools.islice(sample_rows(domain, SEED), count)
    return [
        encode_listing({"specversion": "1.0", "id": listing_id(number), "time": PUBLISHED_AT, "data": row})
        for number, row in enumerate(rows)
    ]


def payload_builder(domain: Domain) -> Callable[[int], bytes]:
    """A fast function from a listing's number to its JSON: it repeats `ROWS` rows under new ids."""
    digits = "-" + "0" * 12
    head, _, _ = listing_id(0).rpartition(digits)
    rows = [payload.split(listing_id(number).encode()) for number, payload in enumerate(build_payloads(domain, ROWS))]
    halves = [(before + head.encode(), after) for before, after in rows]
    return lambda number: b"%b-%012d%b" % (halves[number % ROWS][0], number, halves[number % ROWS][1])


def publish(settings: Settings, payloads: Iterable[bytes], count: int) -> None:
    """Publish `count` listings, with a high-water mark that they cannot reach."""
    with ListingPublisher(settings.model_copy(update={"high_water": 2 * count})) as publisher:
        for _ in publisher.publish_chunks(payloads):
            pass
