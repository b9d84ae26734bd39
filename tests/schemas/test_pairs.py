"""Packed pairs can be read back, and only by the layout that they were written in."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.pairs import CHALLENGER_ARM, FALLBACK, PAIR, pack_pairs, unpack_pairs


def test_pairs_are_read_back() -> None:
    champion, challenger = np.array([1.5, 2.5]), np.array([1.25, np.nan])
    flags = np.array([CHALLENGER_ARM, CHALLENGER_ARM | FALLBACK], dtype=np.uint8)
    packed = pack_pairs([b"7-1", b"7-2"], champion, challenger, np.array([3, 4], dtype=np.uint32), flags)
    pairs = unpack_pairs("here", {b"layout": b"here", b"pairs": packed})
    assert len(packed) == 2 * PAIR.itemsize == 74
    assert pairs[["ms", "seq"]].tolist() == [(7, 1), (7, 2)]
    np.testing.assert_array_equal(pairs["challenger"], challenger)
    assert pairs[["champion", "key", "flags"]].tolist() == [(1.5, 3, 1), (2.5, 4, 3)]


def test_pairs_of_another_layout_are_refused() -> None:
    with pytest.raises(ValueError, match="pairs of layout there, not here"):
        unpack_pairs("here", {b"layout": b"there", b"pairs": b""})
