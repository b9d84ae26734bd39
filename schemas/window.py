"""The packed rows of the window, which consumers append and the monitor reads.

An entry of the window holds the rows of one committed batch (or a sample of them) in `rows`, each of a fixed width,
little-endian: the listing's entry id (two u64), the prediction (f64; for a class its position among the classes) and
the features (f32 each, as in a matrix). The other fields are `count` and `sum` of all predictions of the batch, the
model's `activation`, the `consumer`, `last`, the entry id of the batch's last prediction on `predictions`, where a
batch is contiguous, and `layout`, which changes with the domain's columns. In a rollout both models may answer listings
of a batch: then each has an entry of its own, with its `arm` and the size of the whole `batch`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from schemas.domain import Domain
from schemas.rollouts import ArmName


class WindowEntry(BaseModel):
    """The fields of an entry of the window, the only stream without JSON in a field `data`."""

    rows: bytes = Field(
        description="packed rows, little-endian: entry id of the listing (two u64), prediction (f64; for a class its "
        "position among the classes), features (f32 each, in the domain's order; NaN for gaps)"
    )
    count: int = Field(ge=0, description="number of predictions in the batch, sampled or not")
    sum: float = Field(description="sum of these predictions")
    activation: str = Field(description="activation of the model that made them")
    layout: str = Field(description="identifies the domain's columns; changes with them")
    consumer: str = Field(description="name of the consumer that wrote the entry")
    last: str = Field(description="entry id of the batch's last prediction on the stream of predictions")
    arm: ArmName | None = Field(
        default=None, description="whose predictions these are, where champion and challenger answered the batch"
    )
    batch: int | None = Field(default=None, description="number of predictions of the batch, by both of them")


def row_dtype(domain: Domain) -> np.dtype[np.void]:
    """The layout of one packed row."""
    return np.dtype(
        [("ms", "<u8"), ("seq", "<u8"), ("prediction", "<f8"), ("features", "<f4", (len(domain.features),))]
    )


def layout_of(domain: Domain) -> str:
    """A short hash of the layout: it changes when a column is added, dropped, moved or gets other categories."""
    declared = repr([(f.column, f.kind, f.categories) for f in domain.features] + [domain.target.classes])
    return hashlib.sha256(declared.encode()).hexdigest()[:12]


def unpack_rows(domain: Domain, fields: Mapping[bytes, bytes]) -> NDArray[np.void]:
    """The rows of one entry of the window.

    Raises:
        ValueError: the entry has another layout.
    """
    if fields[b"layout"].decode() != layout_of(domain):
        raise ValueError(f"rows of layout {fields[b'layout'].decode()}, not {layout_of(domain)}")
    return np.frombuffer(fields[b"rows"], dtype=row_dtype(domain))
