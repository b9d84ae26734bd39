"""The rows that two versions have in common: each was a validation row of both, so neither has learned from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.versions import ModelVersionInfo
from schemas.errors import ModelRejectedError
from training import Gate
from training.data.tables import Table
from training.gate.record import FoldRecord


@dataclass(frozen=True, slots=True)
class CommonRows:
    """Rows with the out-of-fold predictions of two versions.

    Attributes:
        table: the rows, n.
        predictions: of the first and of the second version: prices (n,), or probabilities (n, classes).
    """

    table: Table
    predictions: tuple[NDArray[Any], NDArray[Any]]


def find_common_rows(gate: Gate, first: ModelVersionInfo, second: ModelVersionInfo) -> CommonRows | None:
    """The rows that both versions were evaluated on; None if there are none, or a version has no fold record.

    Rows are the same if all their values are, so the versions may have learned from different tables.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    try:
        records = gate.read_record(first), gate.read_record(second)
    except ModelRejectedError:
        return None
    of_first, of_second = (_rows_by_content(record) for record in records)
    shared = [(of_first[content], of_second[content]) for content in of_first if content in of_second]
    if not shared:
        return None
    here, there = np.array(shared).T
    one, other = records
    return CommonRows(one.train.take(here), (one.predictions[here], other.predictions[there]))


def _rows_by_content(record: FoldRecord) -> dict[int, int]:
    """Hash of a row's values -> its number, of the validation rows; the first of equal rows."""
    from pandas.util import hash_pandas_object

    hashes = hash_pandas_object(record.train.with_target(), index=False).tolist()
    return {hashes[row]: row for row in reversed(record.validation_rows.tolist())}
