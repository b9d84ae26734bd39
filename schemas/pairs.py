"""The packed pairs of a rollout: what champion and challenger each answer. Consumers append, the monitor reads.

An entry of `shadows` holds the pairs of one committed batch in `pairs`, each of a fixed width, little-endian: the
listing's entry id (two u64), the champion's and the challenger's answer (f64 each; for a class its position among the
classes; NaN where that model gave none), the key of the arm's hash (u32, `schemas.arms`: listings of one subject share
it) and flags (u8). Only listings whose prediction that commit wrote are in it, each once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

CHALLENGER_ARM = 1
"""Flag: the challenger was to answer, so that the answer is the challenger's unless it is a fallback."""
FALLBACK = 2
"""Flag: the challenger gave no answer, or was not asked: the challenger's field is NaN, and the champion answered."""
HAS_SUBJECT = 4
"""Flag: the listing has a subject, which the key stands for; otherwise the key stands for its identity."""

PAIR = np.dtype(
    [("ms", "<u8"), ("seq", "<u8"), ("champion", "<f8"), ("challenger", "<f8"), ("key", "<u4"), ("flags", "u1")]
)
"""The layout of one packed pair: 37 bytes."""


class ShadowEntry(BaseModel):
    """The fields of an entry of `shadows`."""

    pairs: bytes = Field(
        description="packed pairs, little-endian: entry id of the listing (two u64), the champion's and the "
        "challenger's answer (f64 each; for a class its position among the classes; NaN for none), key of the arm's "
        "hash (u32), flags (u8: 1 challenger's arm, 2 fallback, 4 has a subject)"
    )
    count: int = Field(ge=0, description="number of pairs")
    rollout: str = Field(description="entry id of `rollout.started`, which is the challenger's activation too")
    activation: str = Field(description="activation of the champion")
    layout: str = Field(description="identifies the domain's columns and classes; changes with them")
    consumer: str = Field(description="name of the consumer that wrote the entry")
    champion_us: float = Field(description="time that the champion took for a row of this batch, in µs")
    challenger_us: float = Field(description="time that the challenger took for a row of this batch, in µs")


def pack_pairs(
    entry_ids: Sequence[bytes],
    champion: NDArray[np.float64],
    challenger: NDArray[np.float64],
    keys: NDArray[np.uint32],
    flags: NDArray[np.uint8],
) -> bytes:
    """Pack n pairs.

    Args:
        entry_ids: n ids of listings.
        champion: its answers (n,), NaN for none.
        challenger: its answers (n,), NaN for none.
        keys: of the listings (n,).
        flags: sums of `CHALLENGER_ARM`, `FALLBACK` and `HAS_SUBJECT`, (n,).
    """
    pairs = np.empty(len(entry_ids), dtype=PAIR)
    ids = [entry_id.split(b"-") for entry_id in entry_ids]
    pairs["ms"] = [int(ms) for ms, _ in ids]
    pairs["seq"] = [int(seq) for _, seq in ids]
    pairs["champion"] = champion
    pairs["challenger"] = challenger
    pairs["key"] = keys
    pairs["flags"] = flags
    return pairs.tobytes()


def unpack_pairs(layout: str, fields: Mapping[bytes, bytes]) -> NDArray[np.void]:
    """The pairs of one entry of `shadows`, in the dtype `PAIR`.

    Args:
        layout: of the domain (`schemas.window.layout_of`).
        fields: of the entry.

    Raises:
        ValueError: the entry has another layout, or is damaged.
    """
    if fields[b"layout"].decode() != layout:
        raise ValueError(f"pairs of layout {fields[b'layout'].decode()}, not {layout}")
    return np.frombuffer(fields[b"pairs"], dtype=PAIR)
