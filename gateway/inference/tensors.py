"""Tensors of the Open Inference Protocol: their values, in JSON or in binary after it."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from gateway.problems import problem

_NUMPY = {
    "BOOL": "?",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
DATATYPES = (*_NUMPY, "BYTES")
"""Datatypes that inputs may have."""
_LENGTH = struct.Struct("<I")


class TensorParameters(msgspec.Struct):
    """Parameters of an input or output that matter here."""

    binary_data_size: int | None = None
    binary_data: bool | None = None


class InputTensor(msgspec.Struct):
    """An input of a request.

    Attributes:
        name: of the feature, or of the one input that holds JSON.
        datatype: one of `DATATYPES`.
        shape: n, or n x 1.
        data: the values, unless they follow in binary.
        parameters: say how many bytes follow.
    """

    name: str
    datatype: str
    shape: list[int]
    data: list[Any] | None = None
    parameters: TensorParameters = msgspec.field(default_factory=TensorParameters)


class OutputTensor(msgspec.Struct, omit_defaults=True):
    """An output of an answer; `data` is left out where the values follow in binary."""

    name: str
    datatype: str
    shape: list[int]
    data: list[Any] | None = None
    parameters: dict[str, int] = {}


def read_column(tensor: InputTensor, binary: memoryview) -> list[Any]:
    """The n values of an input; NaN and empty bytes are missing values.

    Args:
        tensor: as in the request.
        binary: its values if they follow in binary, else empty.

    Raises:
        HttpProblemError: (400) the tensor is not what it says.
    """
    if tensor.datatype not in DATATYPES:
        known = ", ".join(DATATYPES)
        raise _broken(tensor, f"datatype {tensor.datatype[:20]!r} is not supported; supported are {known}")
    if len(tensor.shape) not in {1, 2} or (len(tensor.shape) == 2 and tensor.shape[1] != 1):  # noqa: PLR2004
        raise _broken(tensor, "its shape must be [n] or [n, 1]")
    is_binary = tensor.parameters.binary_data_size is not None
    values = list(_binary_values(tensor, binary)) if is_binary else _flat(tensor)
    if len(values) != tensor.shape[0]:
        raise _broken(tensor, f"its shape says {tensor.shape[0]} values, but it holds {len(values)}")
    return [None if _is_missing(value) else value for value in values]


def encode_binary(datatype: str, values: Sequence[Any]) -> bytes:
    """Values as they follow in binary; texts of BYTES, numbers otherwise, in rows where they are nested."""
    if datatype == "BYTES":
        texts = [value.encode() for value in values]
        return b"".join(_LENGTH.pack(len(text)) + text for text in texts)
    return np.asarray(values, dtype=_NUMPY[datatype]).tobytes()


def _flat(tensor: InputTensor) -> list[Any]:
    if tensor.data is None:
        raise _broken(tensor, "it holds no data")
    values = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in tensor.data]
    wanted: tuple[type, ...] = (str,) if tensor.datatype == "BYTES" else (int, float)
    for value in values:
        if value is not None and not isinstance(value, wanted):
            raise _broken(tensor, f"a value is not of datatype {tensor.datatype}")
    return values


def _binary_values(tensor: InputTensor, binary: memoryview) -> Iterator[Any]:
    if tensor.datatype != "BYTES":
        try:
            yield from np.frombuffer(binary, dtype=_NUMPY[tensor.datatype]).tolist()
        except ValueError as error:
            raise _broken(tensor, f"its binary data cannot be read: {error}") from error
        return
    position = 0
    while position < len(binary):
        try:
            (length,) = _LENGTH.unpack_from(binary, position)
            text = bytes(binary[position + _LENGTH.size : position + _LENGTH.size + length])
            position += _LENGTH.size + length
            if len(text) < length:
                raise _broken(tensor, "its binary data ends inside a text")
            yield text.decode()
        except (struct.error, UnicodeDecodeError) as error:
            raise _broken(tensor, f"its binary data cannot be read: {error}") from error


def _is_missing(value: object) -> bool:
    return value == "" or (isinstance(value, float) and math.isnan(value))


def _broken(tensor: InputTensor, why: str) -> Exception:
    return problem(400, "invalid_tensor", f"input {tensor.name[:100]!r}: {why}")
