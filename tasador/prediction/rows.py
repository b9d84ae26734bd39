"""Rows as listings: of a file as `tasador publish` reads it, of a DataFrame, or of dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from producer.columns import check_columns, choose_id_column
from producer.encoding import encode_listing
from producer.files import ListingFile
from schemas.domain import Domain
from tables.options import DEFAULT_OPTIONS, TableOptions
from tables.values import feature_reader, read_id

if TYPE_CHECKING:
    import pandas as pd

Rows: TypeAlias = "str | Path | pd.DataFrame | Sequence[Mapping[str, Any]]"
"""A file, a table, or rows as dictionaries of features."""


def payloads_of(
    rows: Rows, domain: Domain, id_column: str | None = None, options: TableOptions = DEFAULT_OPTIONS
) -> Iterator[bytes]:
    """The event of each row, as it would be published.

    Args:
        rows: a file in a format of `tables.opening`, or rows in memory; the target and ignored columns are left out.
        domain: of the rows.
        id_column: the column of ids; by default the domain's, if there is one. Without it, rows in memory are numbered.
        options: of files.

    Raises:
        DataError: the file cannot be read, or columns are unknown or missing.
    """
    if isinstance(rows, str | Path):
        return map(encode_listing, ListingFile(Path(rows), domain, id_column, options=options))
    return _of_memory(rows, domain, id_column)


def _of_memory(rows: Any, domain: Domain, id_column: str | None) -> Iterator[bytes]:
    records: Sequence[Mapping[str, Any]] = rows if isinstance(rows, list | tuple) else rows.to_dict("records")
    names = list(dict.fromkeys(str(name) for record in records for name in record))
    chosen = choose_id_column(names, domain, id_column)
    check_columns("the rows", names, domain, chosen)
    readers = {feature.column: feature_reader(feature, None) for feature in domain.features if feature.column in names}
    for number, record in enumerate(records, start=1):
        id = read_id(record.get(chosen)) if chosen else str(number)
        yield encode_listing({"id": id, "data": {name: read(record.get(name)) for name, read in readers.items()}})
