"""A lookup: what the listings of one batch lack, how the store is asked for it, and what it replied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOOKUP_RESULTS = ("found", "missing", "stale", "undated", "failed")
"""What became of a listing's lookup: values that are fresh enough; none; too old; without a time; or the store could
not be asked."""


@dataclass(slots=True, kw_only=True)
class Lookup:
    """The lookup of k listings in one round trip.

    Attributes:
        rows: k rows of the batch.
        mask: shape (k, features): which features each of them lacks.
        columns: k lists of their names.
        is_whole: for each, whether the whole hash is asked for, and not the time and these features.
        commands: k commands, packed.
        replies: k replies, an exception for one that failed; None before they are received.
    """

    rows: Sequence[int]
    mask: NDArray[np.bool_]
    columns: Sequence[Sequence[bytes]]
    is_whole: Sequence[bool]
    commands: bytes
    replies: Sequence[Any] | None = None

    def give_up(self, error: Exception) -> None:
        """Let every listing of the lookup have failed for this reason."""
        self.replies = [error] * len(self.rows)
