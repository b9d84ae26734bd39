"""The outputs of the Open Inference Protocol: which a domain has, and their values from predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.answers import PredictionAnswer
from gateway.inference.tensors import OutputTensor, encode_binary
from schemas.domain import Domain

ANY = -1
"""A dimension of any size."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a domain.

    Attributes:
        name: in requests and answers.
        datatype: of its values.
        width: values of a prediction; None where that is one value and the tensor has one dimension.
        values_of: its value or values of a prediction; None where the model that predicted has none.
    """

    name: str
    datatype: str
    width: int | None
    values_of: Callable[[PredictionAnswer], Any]

    def shape(self, count: int) -> list[int]:
        """The shape for so many predictions."""
        return [count] if self.width is None else [count, self.width]

    def column(self, predictions: Sequence[PredictionAnswer]) -> list[Any] | None:
        """The values of each prediction; None unless all have them."""
        values = [self.values_of(one) for one in predictions]
        return None if any(value is None for value in values) else values

    def tensor(self, values: list[Any], *, is_binary: bool) -> tuple[OutputTensor, bytes]:
        """The tensor of a column, and the bytes that follow where it is wanted in binary."""
        shape = self.shape(len(values))
        if is_binary:
            encoded = encode_binary(self.datatype, values)
            return OutputTensor(self.name, self.datatype, shape, None, {"binary_data_size": len(encoded)}), encoded
        flat = values if self.width is None else [value for row in values for value in row]
        return OutputTensor(self.name, self.datatype, shape, flat), b""


def outputs_of(domain: Domain) -> tuple[Output, ...]:
    """The outputs that a domain may have; those of intervals and prediction sets come from models that have them."""
    classes = domain.target.classes
    always = (
        Output("prediction", "BYTES" if classes else "FP64", None, lambda one: one.prediction),
        Output("listing_id", "BYTES", None, lambda one: one.listing_id),
    )
    coverage = Output("coverage", "FP64", None, lambda one: one.coverage)
    if not classes:
        return *always, Output("interval", "FP64", 2, lambda one: one.interval), coverage

    def shares(one: PredictionAnswer) -> list[float]:
        return [(one.probabilities or {}).get(name, 0.0) for name in classes]

    def are_candidates(one: PredictionAnswer) -> list[bool] | None:
        return None if one.candidates is None else [name in one.candidates for name in classes]

    width = len(classes)
    return (
        *always,
        Output("probabilities", "FP64", width, shares),
        Output("candidates", "BOOL", width, are_candidates),
        coverage,
    )
