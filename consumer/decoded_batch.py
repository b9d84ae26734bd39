"""A batch between decoding and scoring: its listings with their matrix, and the entries that are refused already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from consumer.batch import Refusal
from consumer.lookup import Lookup
from schemas.decoding import DecodedListing
from schemas.rows import Matrix
from transport.consumer_group import Entry


@dataclass(slots=True, kw_only=True)
class DecodedBatch:
    """The n good listings of a batch, and the refusals of the other entries.

    Attributes:
        entries: all entries of the batch.
        time: that answers carry.
        listings: n, in the order of their entries.
        places: n positions of their entries.
        matrix: shape (n, features), NaN for what is missing.
        refusals: by the position of the entry.
        beside: reply names that stand in a field of an entry, by its id.
        stored: a JSON object of the values that were taken from the store, by row; the matrix has them too.
        stored_counts: feature -> how many values were taken from the store.
        has_gaps: whether listings lack features that the store may have; False where there is no store.
        is_alone: whether it is one entry that a batch with it did not answer; then only the champion scores it.
        lookup: what the store is asked for; None if nothing.
        lookup_results: how many rows were looked up, by `consumer.lookup.LOOKUP_RESULTS`.
        invalid_stored: feature -> how many stored values were not valid.
        decode_s: how long decoding and validating took.
    """

    entries: Sequence[Entry]
    time: str
    listings: Sequence[DecodedListing]
    places: Sequence[int]
    matrix: Matrix
    refusals: Mapping[int, Refusal]
    beside: Mapping[bytes, str]
    decode_s: float
    has_gaps: bool
    is_alone: bool = False
    stored: Mapping[int, msgspec.Raw] = field(default_factory=dict)
    stored_counts: Mapping[str, int] = field(default_factory=Counter)
    lookup: Lookup | None = None
    lookup_results: Mapping[str, int] = field(default_factory=Counter)
    invalid_stored: Mapping[str, int] = field(default_factory=Counter)

    def entry_of(self, row: int) -> Entry:
        """The entry of a listing."""
        return self.entries[self.places[row]]

    def refuse(self, refusals: Mapping[int, Refusal]) -> DecodedBatch:
        """The batch without some rows, whose entries are refused."""
        kept = [row for row in range(len(self.listings)) if row not in refusals]
        refused = {self.places[row]: refusal for row, refusal in refusals.items()}
        return replace(
            self,
            listings=[self.listings[row] for row in kept],
            places=[self.places[row] for row in kept],
            matrix=self.matrix[np.array(kept, dtype=np.intp)],
            refusals={**self.refusals, **refused},
            stored={new: self.stored[row] for new, row in enumerate(kept) if row in self.stored},
        )
