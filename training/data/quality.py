"""The quality report of a table: every problem, every column, and whether training can use the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from schemas.frozen_model import FrozenModel

SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A value that breaks the contract.

    Attributes:
        row: number of the row in the source, counted from 1 as in the ids of published rows.
        column: of the value.
        value: as it was read.
        message: the contract's error.
    """

    row: int
    column: str
    value: Any
    message: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column} = {self.value!r}: {self.message}"


class ColumnQuality(FrozenModel):
    """The quality of a column over all rows of the source.

    Attributes:
        missing: number of cells without a value.
        unreadable: number of cells with text in place of an optional number, which are treated as missing.
        refused: number of cells that break the contract.
        smallest: smallest number, including refused ones; None for text.
        largest: largest number, including refused ones; None for text.
    """

    missing: int
    unreadable: int = 0
    refused: int = 0
    smallest: float | None = None
    largest: float | None = None


class DataQualityReport(FrozenModel):
    """The result of `validate`.

    Attributes:
        domain: with the contract.
        source: of the data.
        rows: number of rows in the source.
        accepted: number of rows that are neither refused nor unlabelled nor duplicates.
        refused: number of rows that break the contract.
        unlabelled: number of rows without a value of the target, which are left out.
        max_bad_share: allowed share of refused rows.
        duplicates: number of rows that repeat an earlier row exactly; they are left out.
        conflicts: number of accepted rows with the features of another row but another target; they are kept.
        absent: columns that the domain requires and the source lacks.
        unknown: columns that the domain does not declare; they are left out.
        columns: quality of each declared column.
        classes: number of accepted rows of each class; empty for a regression.
        problems: of the refused rows, by row.
        stops: why training cannot use the table; None if it can.
    """

    domain: str
    source: str
    rows: int
    accepted: int = 0
    refused: int = 0
    unlabelled: int = 0
    max_bad_share: float
    duplicates: int = 0
    conflicts: int = 0
    absent: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    columns: dict[str, ColumnQuality] = Field(default_factory=dict)
    classes: dict[str, int] = Field(default_factory=dict)
    problems: tuple[RowProblem, ...] = ()
    stops: str | None = None

    def findings(self) -> Iterator[str]:
        """Everything an operator should know about the table, one message each."""
        if self.refused:
            yield f"{count(self.refused, 'row')} refused, {self.refused / self.rows:.1%} of all"
        if self.unlabelled:
            yield f"{count(self.unlabelled, 'row')} without a value of the target left out"
        if self.duplicates:
            yield f"{count(self.duplicates, 'exact duplicate')} left out"
        if self.conflicts:
            yield f"{count(self.conflicts, 'row')} with the features of another row but another target"
        for name, column in self.columns.items():
            if column.unreadable:
                yield f"{name}: {count(column.unreadable, 'cell')} without a readable number, treated as missing"
            if column.missing:
                yield f"{name}: {count(column.missing, 'cell')} missing"
        if self.classes and not all(self.classes.values()):
            yield f"no rows of class {', '.join(name for name, rows in self.classes.items() if not rows)}"
        if self.unknown:
            yield f"unknown columns left out: {', '.join(self.unknown)}"


def count(number: int, noun: str) -> str:
    """A number and its noun, in the plural if needed."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def first_of(problems: tuple[RowProblem, ...]) -> str:
    """The first problems and the number of the others, on one line."""
    more = f" and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
    return "; ".join(str(problem) for problem in problems[:SHOWN_PROBLEMS]) + more
