"""Raw data against the domain's contract: every row, every failure, with row and value."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from schemas.domain import Domain
from schemas.errors import DataError
from training.data.sources import RawTable
from training.data.tables import Table

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 3


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with one value.

    Attributes:
        row: position of the row in the source, counted from 0.
        column: of the value.
        value: as it was read.
        message: what the contract says about it.
    """

    row: int
    column: str
    value: Any
    message: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column} = {self.value!r}: {self.message}"


def check_rows(
    domain: Domain, raw: RawTable, max_bad_share: float = 0.0, time_column: str | None = None
) -> tuple[Table, list[RowProblem]]:
    """Check raw data, and keep the rows that the contract accepts.

    Args:
        domain: whose contract counts. Columns that it does not know are left out.
        raw: what was read.
        max_bad_share: share of refused rows that is still borne.
        time_column: says when each row was true; it is kept beside the features, and is none of them.

    Returns:
        The accepted rows, and everything that is wrong with the others.

    Raises:
        DataError: a column is missing, or too many rows are refused.
    """
    wanted = [*domain.columns, domain.target.name]
    if time_column is not None and time_column in wanted:
        raise DataError(f"training.time_column: {time_column} is a feature or the target of {domain.name}")
    needed = [*wanted, *([time_column] if time_column else [])]
    if absent := [column for column in needed if column not in raw.frame.columns]:
        raise DataError(f"{raw.source}: domain {domain.name} needs the columns {', '.join(absent)}")
    values = raw.frame[wanted].apply(_parsed, is_text=_is_text(domain))
    problems = [problem for row, given in enumerate(_rows(values)) for problem in _problems(domain, row, given)]
    times = None
    if time_column is not None:
        times, unread = _times(raw.frame[time_column])
        problems += unread
    refused = {problem.row for problem in problems}
    if len(refused) > max_bad_share * len(values) or len(refused) == len(values):
        raise DataError(_complaint(domain, raw, problems, len(refused), max_bad_share))
    positions = np.array([row for row in range(len(values)) if row not in refused], dtype=np.int64)
    table = _table(domain, values.iloc[positions], positions, raw.source)
    return (table if times is None else replace(table, times=times[positions])), problems


def _is_text(domain: Domain) -> dict[str, bool]:
    text = {feature.column: bool(feature.categories) for feature in domain.features}
    return text | {domain.target.name: bool(domain.target.classes)}


def _parsed(column: pd.Series[Any], is_text: dict[str, bool]) -> pd.Series[Any]:
    """The column with numbers for what reads as a number; what does not stays, for the contract to refuse."""
    import pandas as pd

    if is_text[str(column.name)]:
        return column.astype(object)
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers.astype(object).where(numbers.notna() | column.isna(), column)


def _times(column: pd.Series[Any]) -> tuple[np.ndarray[Any, Any], list[RowProblem]]:
    """When each row was true, in UTC, and what could not be read as a time."""
    import pandas as pd

    # a number is no time: nobody can say whether it counts seconds, days or years
    text = column.where(column.map(lambda value: isinstance(value, str | datetime)))
    times = pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    unread = np.flatnonzero(times.isna())
    message = "Input should be a time, as 2026-11-20 or 2026-11-20T12:00:00Z"
    problems = [RowProblem(int(row), str(column.name), column.iloc[row], message) for row in unread]
    return times.to_numpy(dtype="datetime64[ns]"), problems


def _rows(values: pd.DataFrame) -> Iterator[dict[str, Any]]:
    columns = [values[column].tolist() for column in values.columns]
    for row in zip(*columns, strict=True):
        yield {
            str(name): None if isinstance(value, float) and math.isnan(value) else value
            for name, value in zip(values.columns, row, strict=True)
        }


def _problems(domain: Domain, row: int, given: dict[str, Any]) -> list[RowProblem]:
    target = domain.target.name
    problems: list[RowProblem] = []
    features = {column: value for column, value in given.items() if column != target}
    try:
        domain.contract.model_validate(features)
    except ValidationError as error:
        problems = [
            RowProblem(row, str(found["loc"][0]), given.get(str(found["loc"][0])), found["msg"])
            for found in error.errors(include_url=False)
        ]
    if message := _target_problem(domain, given[target]):
        problems.append(RowProblem(row, target, given[target], message))
    return problems


def _target_problem(domain: Domain, value: Any) -> str | None:
    if domain.target.classes:
        return None if value in domain.target.classes else f"Input should be one of {', '.join(domain.target.classes)}"
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return None if is_number else "Input should be a finite number"


def _complaint(domain: Domain, raw: RawTable, problems: list[RowProblem], refused: int, max_bad_share: float) -> str:
    if not problems:
        return f"{raw.source}: holds no rows"
    more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return (
        f"{raw.source}: {refused} of {len(raw.frame)} rows break the contract of {domain.name}, at most"
        f" {max_bad_share:.1%} may (training.max_bad_share): {'; '.join(str(p) for p in problems[:SHOWN])}{more}"
    )


def _table(domain: Domain, accepted: pd.DataFrame, positions: np.ndarray[Any, Any], source: str) -> Table:
    is_text = _is_text(domain)
    frame = accepted[list(domain.columns)].astype(
        {column: "str" if is_text[column] else "float64" for column in domain.columns}
    )
    target = accepted[domain.target.name].to_numpy(dtype=str if domain.target.classes else np.float64)
    return Table(domain, frame.reset_index(drop=True), target, positions, source)
