"""Sample listings, for whoever has no file at hand."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from producer.encoding import Publishable
from schemas.domain import Domain, load_domain
from schemas.features import Feature

SEED = 42

Row = dict[str, Any]


class SampleListings:
    """Listings with rows that are the same each time, in the same order, and with identities that are always new.

    The rows of the domain housing are real; those of other domains are drawn from the declared ranges and categories.

    Args:
        domain: whose listings.
        total: how many; past the end of a table its rows come again.
        seed: of the order, and of what is drawn.

    Attributes:
        total: how many there are.
        done: how many the latest iteration has given.
    """

    def __init__(self, domain: Domain, total: int, seed: int = SEED) -> None:
        self.total = total
        self.done = 0
        self._domain = domain
        self._seed = seed

    def __iter__(self) -> Iterator[Publishable]:
        self.done = 0
        batch = uuid.uuid4().hex[:12]
        for row in itertools.islice(sample_rows(self._domain, self._seed), self.total):
            self.done += 1
            yield {
                "specversion": "1.0",
                "id": f"sample-{batch}-{self.done}",
                "type": "listing.submitted",
                "data": row,
            }


def sample_rows(domain: Domain, seed: int) -> Iterator[Row]:
    """Rows of features without end."""
    rng = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    if domain.columns != load_domain("housing").columns:
        while True:
            yield {feature.column: _draw(feature, rng) for feature in domain.features}
    table = list(_boston_rows(domain))
    rng.shuffle(table)
    yield from itertools.cycle(table)


def _draw(feature: Feature, rng: random.Random) -> float | int | str:
    if feature.kind == "category":
        return rng.choice(feature.categories)
    if feature.ge is None or feature.le is None:
        raise AssertionError(f"feature {feature.column} has no range")
    if feature.kind == "integer":
        return rng.randint(int(feature.ge), int(feature.le))
    return rng.uniform(feature.ge, feature.le)


def _boston_rows(domain: Domain) -> Iterable[Row]:
    """The 506 rows that mlxtend ships (Harrison and Rubinfeld 1978); its columns stand in the domain's order."""
    from mlxtend.data import boston_housing_data

    values, _ = boston_housing_data()
    whole = [feature.kind == "integer" for feature in domain.features]
    for row in values.tolist():
        cells = (int(value) if is_whole else value for value, is_whole in zip(row, whole, strict=True))
        yield dict(zip(domain.columns, cells, strict=True))
