"""The domain's contract as a pandera schema, which checks a whole table at once and reports every failure.

The schema is derived from the contract. A contract's own pydantic validators cannot be translated; if it has any, the
contract itself checks each row that the schema accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from schemas.domain import Domain
from schemas.features import Feature
from tables.cells import is_gap
from training.data.columns import numbers_in
from training.data.quality import RowProblem

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

MISSING = "is missing, and may not be"
NO_NUMBER = "Input should be a valid number"
NO_INTEGER = "Input should be a valid integer"

CellCheck = Callable[["pd.Series[Any]"], "pd.Series[Any]"]
"""Returns for each cell whether it passes."""


def schema_of(domain: Domain) -> pa.DataFrameSchema:
    """A schema of the domain's columns and its target, for columns from `read_column`."""
    import pandera.pandas as pa

    columns = {feature.column: _column(_checks(feature), may_miss=feature.may_miss) for feature in domain.features}
    target = domain.target
    checks = _one_of(target.classes) if target.classes else _numeric()
    return pa.DataFrameSchema(columns | {target.name: _column(checks, may_miss=False)})


def find_problems(domain: Domain, values: pd.DataFrame) -> list[RowProblem]:
    """All problems of a frame, by row and in the order of the columns.

    Args:
        domain: with the contract.
        values: its columns and its target, from `read_column`, with rows counted from 0.
    """
    from pandera.errors import SchemaErrors

    problems: list[RowProblem] = []
    try:
        schema_of(domain).validate(values, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        problems = [
            RowProblem(int(row) + 1, column, _json_value(value), MISSING if check == "not_nullable" else check)
            for row, column, value, check in zip(
                cases["index"], cases["column"], cases["failure_case"], cases["check"], strict=True
            )
        ]
    if _has_own_validators(domain):
        problems += _contract_problems(domain, values, {problem.row - 1 for problem in problems})
    order = {column: number for number, column in enumerate(values.columns)}
    return sorted(problems, key=lambda problem: (problem.row, order.get(problem.column, -1)))


def _column(checks: list[tuple[CellCheck, str]], *, may_miss: bool) -> pa.Column:
    import pandera.pandas as pa

    # pandera handles missing cells by `nullable` and passes only the others to checks
    return pa.Column(None, [pa.Check(check, error=message) for check, message in checks], nullable=may_miss)


def _checks(feature: Feature) -> list[tuple[CellCheck, str]]:
    if feature.categories:
        return _one_of(feature.categories)
    low, high = feature.ge, feature.le
    checks = _numeric()
    if feature.kind == "integer":
        checks.append((_on_numbers(lambda numbers: numbers == np.floor(numbers)), NO_INTEGER))
    at_least = _on_numbers(lambda numbers: numbers >= low)
    at_most = _on_numbers(lambda numbers: numbers <= high)
    return [
        *checks,
        (at_least, f"Input should be greater than or equal to {low:g}"),
        (at_most, f"Input should be less than or equal to {high:g}"),
    ]


def _numeric() -> list[tuple[CellCheck, str]]:
    def is_number(cells: pd.Series[Any]) -> pd.Series[Any]:
        return cells.notna() & _like(cells, ~np.isnan(numbers_in(cells)))

    return [(is_number, NO_NUMBER)]


def _on_numbers(test: Callable[[Any], Any]) -> CellCheck:
    """A check of numbers; other cells pass, because another check reports them."""

    def check(cells: pd.Series[Any]) -> pd.Series[Any]:
        numbers = numbers_in(cells)
        return _like(cells, np.isnan(numbers) | test(numbers))

    return check


def _one_of(categories: tuple[str, ...]) -> list[tuple[CellCheck, str]]:
    named = " or ".join(filter(None, (", ".join(map(repr, categories[:-1])), repr(categories[-1]))))
    return [(lambda cells: cells.isin(categories), f"Input should be {named}")]


def _like(cells: pd.Series[Any], passes: Any) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(passes, index=cells.index)


def _has_own_validators(domain: Domain) -> bool:
    own = domain.contract.__pydantic_decorators__
    return bool(own.validators or own.field_validators or own.root_validators or own.model_validators)


def _contract_problems(domain: Domain, values: pd.DataFrame, refused: set[int]) -> Iterator[RowProblem]:
    """Problems that the contract's own validators find in the rows that are not refused yet."""
    integers = {feature.column for feature in domain.features if feature.kind == "integer"}
    for row, record in enumerate(values[list(domain.columns)].to_dict("records")):
        if row in refused:
            continue
        cells = {str(column): _cell(value, is_integer=column in integers) for column, value in record.items()}
        try:
            domain.contract.model_validate(cells)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                column = str(details["loc"][0]) if details["loc"] else ""
                yield RowProblem(row + 1, column, cells.get(column), details["msg"])


def _cell(value: Any, *, is_integer: bool) -> Any:
    if is_gap(value):
        return None
    return int(value) if is_integer else value


def _json_value(value: Any) -> Any:
    """Convert a value to JSON: None for a gap, text for a type that JSON does not have."""
    if is_gap(value):
        return None
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, str | int | float) else str(value)
