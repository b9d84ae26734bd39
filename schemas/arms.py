"""Which listings a rollout concerns: a hash of each listing's key below the rollout's share.

The hash of a listing is `splitmix64(crc32(key) XOR salt)`, an unsigned number of 64 bits. Its key is the subject where
there is one, else source, newline and id, in UTF-8; the salt is the first 8 bytes of sha256(salt text), big-endian. A
rollout concerns the listing if `hash / 2^64 < share`. So the answer is the same in every consumer, after every restart
and in every other language, and a listing that is concerned stays so while the share grows. Crc32 alone would be
linear: of ids of one length, two rollouts would concern the same listings or none in common.
"""

from __future__ import annotations

import hashlib
from math import ceil

import numpy as np
from numpy.typing import NDArray

_GAMMA = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_ALL = 2**64


def salt_of(text: str) -> int:
    """The number that a rollout's salt stands for."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def arm_hash(key: int, salt: int) -> int:
    """The hash of one listing.

    Args:
        key: of the listing (`schemas.shards.listing_key`).
        salt: of the rollout (`salt_of`).
    """
    mixed = ((key ^ salt) + _GAMMA) % _ALL
    mixed = (mixed ^ mixed >> 30) * _FIRST % _ALL
    mixed = (mixed ^ mixed >> 27) * _SECOND % _ALL
    return mixed ^ mixed >> 31


def is_in_share(key: int, salt: int, share: float) -> bool:
    """Whether a rollout of this salt and share concerns one listing; `are_in_share` says the same of many."""
    return arm_hash(key, salt) < ceil(share * _ALL)


def are_in_share(keys: NDArray[np.uint32], salt: int, share: float) -> NDArray[np.bool_]:
    """Which of n listings a rollout of this salt and share concerns, (n,).

    Args:
        keys: of the listings, shape (n,).
        salt: of the rollout (`salt_of`).
        share: above 0, at most 1.
    """
    if share >= 1:
        return np.ones(len(keys), dtype=np.bool_)
    with np.errstate(over="ignore"):
        mixed = (keys.astype(np.uint64) ^ np.uint64(salt)) + np.uint64(_GAMMA)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_FIRST)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_SECOND)
    # a division would round the largest hashes up to 1
    found: NDArray[np.bool_] = (mixed ^ (mixed >> np.uint64(31))) < np.uint64(ceil(share * _ALL))
    return found
