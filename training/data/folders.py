"""Stores raw and checked tables in folders, between two stages: Parquet, with provenance as JSON."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from schemas.domain import Domain
from schemas.naming import free_name
from training.data.provenance import Provenance
from training.data.sources import RawTable
from training.data.tables import Table

TABLE_FILE = "table.parquet"
PROVENANCE_FILE = "provenance.json"
_POSITION, _TIME = "position in the source", "time"


def store_raw(raw: RawTable, folder: Path) -> None:
    """Write a raw table into a folder, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = raw.frame.copy(deep=False)
    frame.attrs["decimal"] = raw.decimal
    frame.to_parquet(folder / TABLE_FILE, index=False)
    provenance = raw.provenance.model_dump_json(indent=2) if raw.provenance else "null"
    (folder / PROVENANCE_FILE).write_text(provenance + "\n", encoding="utf-8")


def load_raw(folder: Path) -> RawTable:
    """Read what `store_raw` wrote.

    Raises:
        OSError: a file is missing.
    """
    import pandas as pd

    provenance = Provenance.model_validate_json((folder / PROVENANCE_FILE).read_text(encoding="utf-8"))
    frame = pd.read_parquet(folder / TABLE_FILE)
    return RawTable(frame, provenance.source, provenance, frame.attrs.pop("decimal", None))


def store_table(table: Table, folder: Path) -> None:
    """Write a checked table into a folder, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = table.with_target()
    position, time = _further_columns(table.domain)
    frame[position] = table.positions
    if table.times is not None:
        frame[time] = table.times
    frame.attrs["source"] = table.source
    frame.to_parquet(folder / TABLE_FILE, index=False)


def load_table(domain: Domain, folder: Path) -> Table:
    """Read what `store_table` wrote.

    Raises:
        OSError: the file is missing.
    """
    import pandas as pd

    frame = pd.read_parquet(folder / TABLE_FILE)
    position, time = _further_columns(domain)
    return Table(
        domain,
        frame[list(domain.columns)],
        frame[domain.target.name].to_numpy(dtype=str if domain.target.classes else np.float64),
        frame[position].to_numpy(dtype=np.int64),
        str(frame.attrs["source"]),
        frame[time].to_numpy(dtype="datetime64[ns]") if time in frame else None,
    )


def _further_columns(domain: Domain) -> tuple[str, str]:
    """The columns of positions and of times, which a feature or the target may be called as well."""
    taken = (*domain.columns, domain.target.name)
    return free_name(_POSITION, taken), free_name(_TIME, taken)
