"""The domain's contract as a pandera schema: a whole table is checked at once, and every failure is found.

The contract stays the one declaration: whatever is checked here is read from it. A domain's own pydantic validators
cannot be read, so the rows that pass here are shown to the contract itself where it has any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from schemas.domain import Domain
from schemas.features import Feature
from training.data.parsing import is_gap, numbers_in
from training.data.quality import RowProblem

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

MISSING = "is missing, and may not be"
NO_NUMBER = "Input should be a valid number"
NOT_FINITE = "Input should be a finite number"
NO_INTEGER = "Input should be a valid integer"

Verdicts = Callable[["pd.Series[Any]"], "pd.Series[Any]"]
"""Says of each cell whether it passes."""


def schema_of(domain: Domain) -> pa.DataFrameSchema:
    """A schema of the domain's columns and its target, for a frame whose columns `read_column` has read."""
    import pandera.pandas as pa

    columns = {feature.column: _column(_checks(feature), may_miss=feature.may_miss) for feature in domain.features}
    target = domain.target
    checks = _one_of(target.classes) if target.classes else _numeric()
    return pa.DataFrameSchema(columns | {target.name: _column(checks, may_miss=False)})


def find_problems(domain: Domain, values: pd.DataFrame) -> list[RowProblem]:
    """Everything that is wrong with a frame, row by row and in the order of the columns.

    Args:
        domain: whose contract counts.
        values: its columns and its target, as `read_column` has read them, with rows counted from 0.
    """
    from pandera.errors import SchemaErrors

    problems: list[RowProblem] = []
    try:
        schema_of(domain).validate(values, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        problems = [
            RowProblem(int(row), column, _plain(value), MISSING if check == "not_nullable" else check)
            for row, column, value, check in zip(
                cases["index"], cases["column"], cases["failure_case"], cases["check"], strict=True
            )
        ]
    if _has_own_validators(domain):
        problems += _contract_problems(domain, values, {problem.row for problem in problems})
    order = {column: place for place, column in enumerate(values.columns)}
    return sorted(problems, key=lambda problem: (problem.row, order.get(problem.column, -1)))


def _column(checks: list[tuple[Verdicts, str]], *, may_miss: bool) -> pa.Column:
    import pandera.pandas as pa

    # what is missing is `nullable`'s business; each check sees the other cells alone
    return pa.Column(None, [pa.Check(check, error=message) for check, message in checks], nullable=may_miss)


def _checks(feature: Feature) -> list[tuple[Verdicts, str]]:
    if feature.categories:
        return _one_of(feature.categories)
    low, high = feature.ge, feature.le
    checks = _numeric()
    if feature.kind == "integer":
        checks.append((_passing(lambda numbers: np.isinf(numbers) | (numbers == np.floor(numbers))), NO_INTEGER))
    at_least = _passing(lambda numbers: np.isinf(numbers) | (numbers >= low))
    at_most = _passing(lambda numbers: np.isinf(numbers) | (numbers <= high))
    return [
        *checks,
        (at_least, f"Input should be greater than or equal to {low:g}"),
        (at_most, f"Input should be less than or equal to {high:g}"),
    ]


def _numeric() -> list[tuple[Verdicts, str]]:
    def is_number(cells: pd.Series[Any]) -> pd.Series[Any]:
        return cells.notna() & _like(cells, ~np.isnan(numbers_in(cells)))

    return [(is_number, NO_NUMBER), (_passing(np.isfinite), NOT_FINITE)]


def _passing(test: Callable[[Any], Any]) -> Verdicts:
    """A check of numbers that lets pass what is none: another check tells of it."""

    def check(cells: pd.Series[Any]) -> pd.Series[Any]:
        numbers = numbers_in(cells)
        return _like(cells, np.isnan(numbers) | test(numbers))

    return check


def _one_of(categories: tuple[str, ...]) -> list[tuple[Verdicts, str]]:
    named = " or ".join(filter(None, (", ".join(map(repr, categories[:-1])), repr(categories[-1]))))
    return [(lambda cells: cells.isin(categories), f"Input should be {named}")]


def _like(cells: pd.Series[Any], verdicts: Any) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(verdicts, index=cells.index)


def _has_own_validators(domain: Domain) -> bool:
    own = domain.contract.__pydantic_decorators__
    return bool(own.validators or own.field_validators or own.root_validators or own.model_validators)


def _contract_problems(domain: Domain, values: pd.DataFrame, refused: set[int]) -> Iterator[RowProblem]:
    """What the contract itself has to say about the rows that passed so far."""
    whole = {feature.column for feature in domain.features if feature.kind == "integer"}
    for row, given in enumerate(values[list(domain.columns)].to_dict("records")):
        if row in refused:
            continue
        cells = {str(column): _cell(value, is_whole=column in whole) for column, value in given.items()}
        try:
            domain.contract.model_validate(cells)
        except ValidationError as error:
            for found in error.errors(include_url=False):
                column = str(found["loc"][0]) if found["loc"] else ""
                yield RowProblem(row, column, cells.get(column), found["msg"])


def _cell(value: Any, *, is_whole: bool) -> Any:
    if is_gap(value):
        return None
    return int(value) if is_whole else value


def _plain(value: Any) -> Any:
    """A value as JSON knows it: None for a gap, text for what it does not know."""
    if is_gap(value):
        return None
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, str | int | float) else str(value)
