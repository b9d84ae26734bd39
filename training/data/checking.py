"""Checks raw data against the domain's contract: gives the rows to train on, and a report on quality."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.domain import Domain
from schemas.errors import DataError
from schemas.sections import TrainingSettings
from tables.cells import is_gap
from training.data.columns import column_readers, numbers_in
from training.data.enough import why_too_few
from training.data.quality import ColumnQuality, DataQualityReport, RowProblem, first_of
from training.data.sources import RawTable
from training.data.tables import Table

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

NO_TIME = "Input should be a time, such as 2026-11-20 or 2026-11-20T12:00:00Z"


def validate(domain: Domain, raw: RawTable, training: TrainingSettings) -> tuple[Table, DataQualityReport]:
    """Check raw data, and keep the rows that training can use.

    Args:
        domain: with the contract; columns that it does not declare are left out.
        raw: the data as it was read.
        training: the allowed share of refused rows, and the time column.

    Returns:
        The accepted rows without exact duplicates, and a report on quality.

    Raises:
        DataError: a column is missing, or too many rows are refused.
    """
    table, report = inspect(domain, raw, training)
    if table is None:
        raise DataError(f"{raw.source}: {report.stops}")
    return table, report


def inspect(domain: Domain, raw: RawTable, training: TrainingSettings) -> tuple[Table | None, DataQualityReport]:
    """Check as `validate` does, but return None for a table that would stop a run; its report has the reason."""
    time_column = training.time_column
    declared = [*domain.columns, domain.target.name]
    if time_column in declared:
        raise DataError(f"training.time_column: {time_column} is a feature or the target of {domain.name}")
    needed = [*declared, time_column] if time_column else declared
    expected = {*needed, *domain.ignored, domain.id_column}
    report = DataQualityReport(
        domain=domain.name,
        source=raw.source,
        rows=len(raw.frame),
        max_bad_share=training.max_bad_share,
        absent=tuple(column for column in needed if column not in raw.frame.columns),
        unknown=tuple(str(column) for column in raw.frame.columns if column not in expected),
    )
    if report.absent:
        reason = f"domain {domain.name} needs the columns {', '.join(report.absent)}"
        return None, report.model_copy(update={"stops": reason})
    if not report.rows:
        return None, report.model_copy(update={"stops": "holds no rows"})
    return _check_rows(domain, raw, report, training)


def _check_rows(
    domain: Domain, raw: RawTable, report: DataQualityReport, training: TrainingSettings
) -> tuple[Table | None, DataQualityReport]:
    from training.data.schema import find_problems

    time_column = training.time_column
    frame = raw.frame.reset_index(drop=True)
    values, columns = _read(domain, raw, frame)
    is_labelled = values[domain.target.name].notna().to_numpy()
    problems = [problem for problem in find_problems(domain, values) if is_labelled[problem.row - 1]]
    times = None
    if time_column:
        times, time_problems = _read_times(frame[time_column])
        problems += [problem for problem in time_problems if is_labelled[problem.row - 1]]
    is_refused = np.zeros(len(values), dtype=bool)
    is_refused[[problem.row - 1 for problem in problems]] = True
    kept = values.assign(**({} if times is None else {str(time_column): times}))[~is_refused & is_labelled]
    duplicates = kept.duplicated()
    conflicts = kept[~duplicates].duplicated(list(domain.columns), keep=False)
    cells = Counter(problem.column for problem in problems)
    table = _table(domain, kept[~duplicates], report.source, time_column)
    report = report.model_copy(
        update={
            "accepted": len(table),
            "refused": int(is_refused.sum()),
            "unlabelled": int((~is_labelled).sum()),
            "duplicates": int(duplicates.sum()),
            "conflicts": int(conflicts.sum()),
            "columns": {c: quality.model_copy(update={"refused": cells[c]}) for c, quality in columns.items()},
            "classes": {name: int((table.target == name).sum()) for name in domain.target.classes},
            "problems": tuple(problems),
        }
    )
    stops = _stops(report) or _why_useless(domain, table) or why_too_few(domain, table.target.tolist(), training)
    return (None if stops else table), report.model_copy(update={"stops": stops})


def _stops(report: DataQualityReport) -> str | None:
    labelled = report.rows - report.unlabelled
    if not labelled:
        return "no row has a value of the target"
    if report.refused < labelled and report.refused <= report.max_bad_share * labelled:
        return None
    return (
        f"{report.refused} of {labelled} rows break the contract of {report.domain}; at most"
        f" {report.max_bad_share:.1%} are allowed (training.max_bad_share): {first_of(report.problems)}"
    )


def _why_useless(domain: Domain, table: Table) -> str | None:
    """Why a model cannot learn from a table: its target never changes, or a column is empty."""
    if len(set(table.target.tolist())) == 1:
        return f"the target {domain.target.name} is {table.target.tolist()[0]!r} in all rows: nothing to learn"
    empty = [column for column in domain.columns if table.frame[column].isna().all()]
    return f"the column {empty[0]} is empty: leave it out of the domain" if empty else None


def _read(domain: Domain, raw: RawTable, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, ColumnQuality]]:
    """Read the declared columns and their quality; text in place of an optional number becomes a missing value."""
    import pandas as pd

    values: dict[str, pd.Series[Any]] = {}
    columns: dict[str, ColumnQuality] = {}
    optional = {feature.column for feature in domain.features if feature.may_miss and not feature.categories}
    texts = {feature.column for feature in domain.features if feature.categories}
    texts |= {domain.target.name} if domain.target.classes else set()
    for name, reader in column_readers(domain, raw.decimal).items():
        cells = reader.read(frame[name], raw.source)
        unreadable = 0
        if name in optional and (unreadable := _count_unreadable(cells)):
            cells = pd.Series(numbers_in(cells))
        values[name] = cells
        columns[name] = _quality(cells, unreadable, is_text=name in texts)
    return pd.DataFrame(values), columns


def _count_unreadable(cells: pd.Series[Any]) -> int:
    return 0 if cells.dtype.kind == "f" else sum(not is_gap(cell) and type(cell) is not float for cell in cells)


def _quality(cells: pd.Series[Any], unreadable: int, *, is_text: bool) -> ColumnQuality:
    missing = int(cells.isna().sum()) - unreadable
    numbers = np.array([]) if is_text else numbers_in(cells)
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return ColumnQuality(missing=missing, unreadable=unreadable)
    smallest, largest = float(known.min()), float(known.max())
    return ColumnQuality(missing=missing, unreadable=unreadable, smallest=smallest, largest=largest)


def _read_times(column: pd.Series[Any]) -> tuple[NDArray[np.datetime64], list[RowProblem]]:
    """Read the time column, in UTC; returns a problem for each cell that is not a time."""
    import pandas as pd

    # a number could count seconds, days or years, so it is not accepted as a time
    text = column.where(column.map(lambda value: isinstance(value, str | date)))
    times = pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601").dt.tz_localize(None)
    unreadable = np.flatnonzero(times.isna())
    problems = [RowProblem(int(row) + 1, str(column.name), column.iloc[row], NO_TIME) for row in unreadable]
    return times.to_numpy(dtype="datetime64[ns]"), problems


def _table(domain: Domain, accepted: pd.DataFrame, source: str, time_column: str | None) -> Table:
    frame = (
        accepted[list(domain.columns)]
        .astype({feature.column: "str" if feature.categories else "float64" for feature in domain.features})
        .copy()
    )  # a copy in one block: pandas warns about adding a column to many blocks
    target = accepted[domain.target.name].to_numpy(dtype=str if domain.target.classes else np.float64)
    return Table(
        domain,
        frame.reset_index(drop=True),
        target,
        accepted.index.to_numpy(dtype=np.int64),
        source,
        accepted[time_column].to_numpy(dtype="datetime64[ns]") if time_column else None,
    )
