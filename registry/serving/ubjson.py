"""Writes documents in Universal Binary JSON as XGBoost reads it, with arrays of one type stored as they are."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPES = {"float32": b"d", "int32": b"l", "int64": b"L", "uint8": b"U"}


def encode_ubjson(document: Any) -> bytes:
    """Encode objects, lists, texts, integers and arrays of float32, int32, int64 or uint8."""
    return b"".join(_pieces(document))


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        yield b"{"
        for key, item in value.items():
            yield _text(key)
            yield from _pieces(item)
        yield b"}"
    elif isinstance(value, list):
        yield b"[#" + _length(len(value))
        for item in value:
            yield from _pieces(item)
    elif isinstance(value, np.ndarray):
        yield from _array(value)
    elif isinstance(value, str):
        yield b"S" + _text(value)
    else:
        yield _length(value)


def _array(values: NDArray[Any]) -> Iterator[bytes]:
    yield b"[$" + _TYPES[values.dtype.name] + b"#" + _length(len(values))
    yield values.astype(values.dtype.newbyteorder(">")).tobytes()


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def _length(value: int) -> bytes:
    return b"L" + struct.pack(">q", value)
