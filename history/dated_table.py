"""Labelled rows with the time of each, and when its label was known: from the audit log, or from a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.domain import Domain
from schemas.errors import ConfigurationError, DataError
from schemas.settings import Settings
from training.data.checking import validate
from training.data.folders import load_table, store_table
from training.data.labelled import KNOWN_AT, PREDICTED_AT, read_labelled
from training.data.sources import RawTable, ingest
from training.data.tables import Table
from training.progress import Progress

_KNOWN_FILE = "known.npy"


@dataclass(frozen=True, slots=True)
class DatedTable:
    """Rows in the order of their times.

    Attributes:
        table: with times.
        known: when the label of each row was known, datetime64[ns], shape (n,).
    """

    table: Table
    known: NDArray[np.datetime64]

    @property
    def times(self) -> NDArray[np.datetime64]:
        """Of the rows."""
        if self.table.times is None:
            raise TypeError("a dated table has times")
        return self.table.times

    def store(self, folder: Path) -> None:
        """Write it into a folder, for other processes."""
        store_table(self.table, folder)
        np.save(folder / _KNOWN_FILE, self.known)

    @classmethod
    def load(cls, domain: Domain, folder: Path) -> DatedTable:
        """Read what `store` wrote."""
        return cls(load_table(domain, folder), np.load(folder / _KNOWN_FILE))


def read_log(settings: Settings) -> DatedTable:
    """The predictions of the audit log that have an outcome, by the time of prediction.

    Raises:
        DataError: there are none, or too few to train on.
    """
    raw = read_labelled(settings)
    if raw.frame.empty:
        raise DataError("no prediction of the audit log has an outcome: name a table with --data and --time-column")
    return _dated(settings, raw, PREDICTED_AT, KNOWN_AT)


def read_table(settings: Settings, data: str | Path | None, column: str | None, progress: Progress) -> DatedTable:
    """A table whose labels were known at the times of its rows.

    Args:
        settings: of the domain.
        data: as for a training.
        column: with the times; None for `training.time_column`.
        progress: called with messages about a download.

    Raises:
        ConfigurationError: no column is named.
        DataError: the table cannot be used.
    """
    column = column or settings.training.time_column
    if column is None:
        raise ConfigurationError("name the column with the time of a row: --time-column, or training.time_column")
    return _dated(settings, ingest(settings, data, progress), column, column)


def _dated(settings: Settings, raw: RawTable, column: str, known_at: str) -> DatedTable:
    import pandas as pd

    training = settings.training.model_copy(update={"time_column": column})
    table, _ = validate(settings.load_domain(), raw, training)
    if table.times is None:
        raise TypeError("a table that was checked with a time column has times")
    known = pd.to_datetime(raw.frame[known_at].iloc[table.positions], utc=True, format="ISO8601")
    order = np.argsort(table.times, kind="stable")
    return DatedTable(table.take(order), known.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]")[order])
