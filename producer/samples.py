"""Generates sample listings of a domain."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Iterator
from typing import Any

from producer.encoding import Publishable
from schemas.domain import Domain
from schemas.features import Feature

SEED = 42


class SampleListings:
    """Listings with the same rows in the same order each time, and with new identities.

    The rows are those of the domain's built-in table; without one they are drawn from the declared ranges and
    categories.

    Args:
        domain: of the listings.
        total: number of listings; the rows of a table are repeated as needed.
        seed: of the order and of the drawn values.
        source: of the listings.

    Attributes:
        total: number of listings.
        done: progress of the latest iteration.
    """

    def __init__(self, domain: Domain, total: int, seed: int = SEED, source: str = "") -> None:
        self.total = total
        self.done = 0
        self._domain = domain
        self._seed = seed
        self._source = {"source": source} if source else {}

    def __iter__(self) -> Iterator[Publishable]:
        self.done = 0
        batch = uuid.uuid4().hex[:12]
        for row in itertools.islice(sample_rows(self._domain, self._seed), self.total):
            self.done += 1
            yield {
                "specversion": "1.0",
                "id": f"sample-{batch}-{self.done}",
                "type": "listing.submitted",
                **self._source,
                "data": row,
            }


def sample_rows(domain: Domain, seed: int) -> Iterator[dict[str, Any]]:
    """An endless iterator of feature rows."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    table = [{column: row[column] for column in domain.columns} for row in domain.contract.built_in_table()]
    rng.shuffle(table)
    yield from itertools.cycle(table)
    while True:
        yield {feature.column: _draw(feature, rng) for feature in domain.features}


def _draw(feature: Feature, rng: random.Random) -> float | int | str:
    if feature.kind == "category":
        return rng.choice(feature.categories)
    if feature.ge is None or feature.le is None:
        raise AssertionError(f"feature {feature.column} has no range")
    if feature.kind == "integer":
        return rng.randint(int(feature.ge), int(feature.le))
    return rng.uniform(feature.ge, feature.le)
