"""Writes an audit log of any length for the built-in housing domain: its rows with noise, in files of one size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from monitoring.archive.files import EntrySpan
from monitoring.archive.location import archive_of
from monitoring.archive.rows import ArchiveRows
from schemas.settings import Settings
from transport.entries import EntryId

_START_MS = 1_795_132_800_000
_PER_MS = 10
_SEED = 2026


def write_log(settings: Settings, rows: int, per_file: int, on_file: Callable[[int], object] = lambda _: None) -> int:
    """Write predictions, ten a millisecond; returns the number of files.

    Args:
        settings: of the domain; `archive.folder` or `home` says where to.
        rows: number of predictions.
        per_file: of which a file has at most so many.
        on_file: called with the number of rows that are written.
    """
    domain = settings.load_domain()
    table = domain.contract.built_in_table()
    base = np.array([[row[column] for column in domain.columns] for row in table], dtype=np.float64)
    rng, schema = np.random.default_rng(_SEED), ArchiveRows(domain, settings.limits).predictions
    folder, files = archive_of(settings), 0
    for start in range(0, rows, per_file):
        numbers = np.arange(start, min(start + per_file, rows))
        features = base[rng.integers(len(base), size=len(numbers))] * rng.uniform(0.98, 1.02, (len(numbers), 1))
        ids = [f"{_START_MS + number // _PER_MS}-{number % _PER_MS}" for number in numbers.tolist()]
        made = {
            "entry_id": ids,
            "prediction_id": ids,
            "predicted_at": _START_MS + numbers // _PER_MS,
            "listing_id": [f"l-{number}" for number in numbers.tolist()],
            "listing_source": ["benchmark"] * len(numbers),
            "model_version": ["1"] * len(numbers),
            "has_features": [True] * len(numbers),
            "prediction": rng.uniform(5, 50, len(numbers)),
            **dict(zip(domain.columns, features.T, strict=True)),
        }
        columns = [
            pa.array(made[each.name], each.type) if each.name in made else pa.nulls(len(numbers), each.type)
            for each in schema
        ]
        span = EntrySpan(EntryId.parse(ids[0]), EntryId.parse(ids[-1]))
        folder.write("predictions", pa.Table.from_arrays(columns, schema=schema), span)
        files += 1
        on_file(start + len(numbers))
    return files
