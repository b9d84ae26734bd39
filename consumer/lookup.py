"""A lookup: what the listings of one batch lack, how the store is asked for it, and what it replied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import hiredis
import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.stored_features import AT

LOOKUP_RESULTS = ("found", "missing", "stale", "undated", "failed")
"""What became of a listing's lookup: values that are fresh enough; none; too old; without a time; or the store could
not be asked."""


class LookupForm:
    """The form of a lookup of certain features, which most listings of a batch share.

    Args:
        names: of the features, in the domain's order.

    Attributes:
        names: of the features.
        keys: the same as JSON texts.
        template: their JSON object, with a place for the JSON of each value.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.keys = [msgspec.json.encode(name) for name in names]
        self.template = b"{%b}" % b",".join([key.replace(b"%", b"%%") + b":%b" for key in self.keys])
        # the time comes last, so that the rest of a reply are the values
        command: tuple[Any, ...] = ("HMGET", "", *names, AT)
        packed = hiredis.pack_command(command)
        self._head, _, self._tail = packed.partition(b"$0\r\n\r\n")

    def command(self, key: bytes) -> bytes:
        """The packed command for one subject's key."""
        return b"%b$%d\r\n%b\r\n%b" % (self._head, len(key), key, self._tail)


@dataclass(slots=True, kw_only=True)
class Lookup:
    """The lookup of k listings in one round trip, on a cluster one with each node at the same time.

    Attributes:
        rows: k rows of the batch.
        mask: shape (k, features): which features each of them lacks.
        forms: k forms.
        keys: k keys of stored features.
        commands: k commands, packed.
        replies: k replies, each the values of the form's features and then the time, or an exception for one that
            failed; None before they are received.
    """

    rows: Sequence[int]
    mask: NDArray[np.bool_]
    forms: Sequence[LookupForm]
    keys: Sequence[bytes]
    commands: Sequence[bytes]
    replies: Sequence[Any] | None = None

    def give_up(self, error: Exception) -> None:
        """Let every listing of the lookup have failed for this reason."""
        self.replies = [error] * len(self.rows)
