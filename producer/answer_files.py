"""Files of answers: one row for each published row, in the same order, as CSV or Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from producer.answer_book import BookLine
from schemas.domain import Domain
from schemas.errors import DataError

GROUP_ROWS = 10_000
"""Rows of a row group in Parquet, and with it what is held in memory."""
NOT_KEPT = "repeat"
"""The reason of a row that was dropped as a repeat, and what was predicted before is not kept any more."""


def check_answer_path(path: Path) -> None:
    """Check that answers can be written there, before anything is published.

    Raises:
        DataError: the format is not known, or the folder does not exist.
    """
    if path.suffix.lower() not in _WRITERS:
        raise DataError(f"{path}: cannot tell its format from its name: known are {', '.join(_WRITERS)}")
    if not path.parent.is_dir():
        raise DataError(f"{path}: there is no folder {path.parent}")


def write_answers(path: Path, domain: Domain, lines: Iterable[BookLine]) -> int:
    """Write a row for each line, in the memory of a few of them; the file appears whole or not at all.

    Columns: `row` (from 1), `id` and `source` of the listing, `entry_id`, `prediction`, then `reason` and `error` where
    it was refused, `is_repeat`, `model_version`, `imputed` and `unusual` (names joined by spaces), and for a
    classification `confidence`, the domain's labels and `probability_<class>` for each class.

    Returns:
        The number of rows.

    Raises:
        DataError: the file cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        count = _WRITERS[path.suffix.lower()](part, domain, _rows(domain, lines))
        part.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    return count


def _rows(domain: Domain, lines: Iterable[BookLine]) -> Iterator[dict[str, Any]]:
    target = domain.target
    for number, line in enumerate(lines, start=1):
        told = line.answer
        row: dict[str, Any] = {
            "row": number,
            "id": told.listing_id,
            "source": told.listing_source,
            "entry_id": line.entry_id,
            "prediction": told.prediction,
            "reason": NOT_KEPT if line.kind == "repeat" else told.reason,
            "error": "; ".join(f"{e.field}: {e.message}" if e.field else e.message for e in told.errors) or None,
            "is_repeat": line.kind in {"repeat", "repeated"},
            "model_version": told.model.version if told.model else None,
            "imputed": " ".join(told.imputed),
            "unusual": " ".join(told.unusual),
        }
        if target.classes:
            row["confidence"] = told.confidence
            row |= {label: told.labels.get(label) for label in target.labels}
            row |= {f"probability_{name}": told.probabilities.get(name) for name in target.classes}
        yield row


def _write_csv(path: Path, domain: Domain, rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(_types(domain)))
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {"is_repeat": json.dumps(row["is_repeat"])})
            count += 1
    return count


def _write_parquet(path: Path, domain: Domain, rows: Iterator[dict[str, Any]]) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    by_name = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "text": pa.string()}
    schema = pa.schema([(name, by_name[kind]) for name, kind in _types(domain).items()])
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        while group := list(islice(rows, GROUP_ROWS)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            count += len(group)
    return count


def _types(domain: Domain) -> dict[str, str]:
    """The columns in their order, and what each holds."""
    target = domain.target
    types = {"row": "int", "id": "text", "source": "text", "entry_id": "text"}
    types |= {"prediction": "text" if target.classes else "float", "reason": "text", "error": "text"}
    types |= {"is_repeat": "bool", "model_version": "text", "imputed": "text", "unusual": "text"}
    if target.classes:
        types |= {"confidence": "float"} | dict.fromkeys(target.labels, "text")
        types |= {f"probability_{name}": "float" for name in target.classes}
    return types


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet}
