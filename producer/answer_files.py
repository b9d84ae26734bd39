"""Writes files of answers: one row for each published row, in the same order, as CSV or Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from producer.answer_store import AnswerData, AnswerRow
from schemas.domain import Domain
from schemas.errors import DataError

GROUP_ROWS = 10_000
"""Rows of a row group in Parquet, which are held in memory."""
UNRESOLVED = "repeat"
"""The reason of a dropped repeat whose earlier prediction is no longer stored."""


def check_answer_path(path: Path) -> None:
    """Check before publishing that answers can be written to a path.

    Raises:
        DataError: the format is not known, or the folder does not exist.
    """
    if path.suffix.lower() not in _WRITERS:
        raise DataError(f"{path}: unknown format; the name must end in {', '.join(_WRITERS)}")
    if not path.parent.is_dir():
        raise DataError(f"{path}: the folder {path.parent} does not exist")


def write_answers(path: Path, domain: Domain, answers: Iterable[AnswerRow], *, with_ranges: bool = True) -> int:
    """Write answers in constant memory; the file is complete or does not exist.

    Columns: `row` (from 1), `id` and `source` of the listing, `entry_id`, `prediction`, `reason` and `error` of a
    refusal, `is_repeat`, `model_version`, `imputed` and `unusual` (names joined by spaces), and for a classification
    `confidence`, the domain's labels and `probability_<class>` for each class. With ranges: `interval_low` and
    `interval_high`, or `candidates` (a JSON list), and `coverage`; empty if the model has no calibration.

    Returns:
        The number of rows.

    Raises:
        DataError: the file cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        count = _WRITERS[path.suffix.lower()](
            part, _types(domain, with_ranges=with_ranges), answer_rows(domain, answers, with_ranges=with_ranges)
        )
        part.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    return count


def answer_rows(domain: Domain, answers: Iterable[AnswerRow], *, with_ranges: bool) -> Iterator[dict[str, Any]]:
    """The rows of `write_answers` as values by column."""
    target = domain.target
    for number, (entry_id, kind, data) in enumerate(answers, start=1):
        row: dict[str, Any] = {
            "row": number,
            "id": data.listing_id,
            "source": data.listing_source,
            "entry_id": entry_id,
            "prediction": data.prediction,
            "reason": UNRESOLVED if kind == "repeat" else data.reason,
            "error": "; ".join(f"{e.field}: {e.message}" if e.field else e.message for e in data.errors) or None,
            "is_repeat": kind in {"repeat", "repeated"},
            "model_version": data.model.version if data.model else None,
            "imputed": " ".join(data.imputed),
            "unusual": " ".join(data.unusual),
        }
        if target.classes:
            row["confidence"] = data.confidence
            row |= {label: data.labels.get(label) for label in target.labels}
            row |= {f"probability_{name}": data.probabilities.get(name) for name in target.classes}
        yield row | (_ranges(domain, data) if with_ranges else {})


def _ranges(domain: Domain, data: AnswerData) -> dict[str, Any]:
    if domain.target.classes:
        found = data.candidates
        return {"candidates": found and json.dumps(found, ensure_ascii=False), "coverage": data.coverage}
    low, high = data.interval or (None, None)
    return {"interval_low": low, "interval_high": high, "coverage": data.coverage}


def _write_csv(path: Path, types: Mapping[str, str], rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(types))
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {"is_repeat": json.dumps(row["is_repeat"])})
            count += 1
    return count


def _write_parquet(path: Path, types: Mapping[str, str], rows: Iterator[dict[str, Any]]) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    by_name = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "text": pa.string()}
    schema = pa.schema([(name, by_name[kind]) for name, kind in types.items()])
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        while group := list(islice(rows, GROUP_ROWS)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            count += len(group)
    return count


def _types(domain: Domain, *, with_ranges: bool) -> dict[str, str]:
    """The columns in order, and the type of each."""
    target = domain.target
    types = {"row": "int", "id": "text", "source": "text", "entry_id": "text"}
    types |= {"prediction": "text" if target.classes else "float", "reason": "text", "error": "text"}
    types |= {"is_repeat": "bool", "model_version": "text", "imputed": "text", "unusual": "text"}
    if target.classes:
        types |= {"confidence": "float"} | dict.fromkeys(target.labels, "text")
        types |= {f"probability_{name}": "float" for name in target.classes}
    if with_ranges:
        types |= {"candidates": "text"} if target.classes else dict.fromkeys(("interval_low", "interval_high"), "float")
        types |= {"coverage": "float"}
    return types


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet}
