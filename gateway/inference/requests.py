"""Requests of the Open Inference Protocol: their JSON, the binary data after it, and the listings in both."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from gateway.bodies import Headers, parse
from gateway.inference.tensors import InputTensor, TensorParameters, read_column
from gateway.problems import problem

_HEADER_LENGTH = b"inference-header-content-length"


class RequestedOutput(msgspec.Struct):
    """An output that a request names."""

    name: str
    parameters: TensorParameters = msgspec.field(default_factory=TensorParameters)


class RequestParameters(msgspec.Struct):
    """Parameters of a request that matter here: whether outputs that it does not name come in binary."""

    binary_data_output: bool = False


class InferenceRequest(msgspec.Struct):
    """The JSON of a request."""

    inputs: list[InputTensor]
    id: str | None = None
    outputs: list[RequestedOutput] | None = None
    parameters: RequestParameters = msgspec.field(default_factory=RequestParameters)

    def is_binary(self, name: str) -> bool:
        """Whether an output is wanted in binary."""
        for output in self.outputs or ():
            if output.name == name and output.parameters.binary_data is not None:
                return output.parameters.binary_data
        return self.parameters.binary_data_output

    def wants(self, name: str) -> bool:
        """Whether an output is wanted at all; without a list all are."""
        return self.outputs is None or any(output.name == name for output in self.outputs)


def read_request(body: bytes, headers: Headers) -> tuple[InferenceRequest, memoryview]:
    """A request and the binary data after its JSON.

    Raises:
        HttpProblemError: (400) it is not what the protocol says.
    """
    length = len(body)
    if (given := headers.get(_HEADER_LENGTH)) is not None:
        if not given.isdigit() or int(given) > len(body):
            raise problem(400, "invalid_header", "Inference-Header-Content-Length is not a length within the body")
        length = int(given)
    try:
        request = msgspec.convert(parse(body[:length], with_nan=True), InferenceRequest)
    except msgspec.ValidationError as error:
        raise problem(400, "invalid_request", f"not a request of the Open Inference Protocol: {error}") from error
    return request, memoryview(body)[length:]


def read_rows(request: InferenceRequest, binary: memoryview, columns: Collection[str], max_rows: int) -> list[Any]:
    """The listings of a request: one input a feature, or one input of JSON texts.

    Raises:
        HttpProblemError: (400) the inputs do not fit together, (413) they hold too many listings.
    """
    if not request.inputs:
        raise problem(400, "no_listings", "the request has no inputs")
    values: dict[str, list[Any]] = {}
    for tensor in request.inputs:
        size = tensor.parameters.binary_data_size or 0
        if not 0 <= size <= len(binary):
            raise problem(400, "invalid_tensor", f"input {tensor.name[:100]!r}: the body holds less binary data")
        if tensor.shape and tensor.shape[0] > max_rows:
            raise problem(413, "too_many_listings", f"gateway.max_batch is {max_rows:,}")
        values[tensor.name] = read_column(tensor, binary[:size])
        binary = binary[size:]
    if len({*map(len, values.values())}) != 1:
        raise problem(400, "invalid_tensor", "the inputs have different numbers of rows")
    first = request.inputs[0]
    if len(values) == 1 and first.name not in columns and first.datatype == "BYTES":
        return [parse((text or "").encode(), with_nan=True) for text in values[first.name]]
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
