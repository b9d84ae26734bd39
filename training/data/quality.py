"""What is known about a table before it is learnt from: every failure, every column, and whether it can be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

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


class ColumnQuality(BaseModel):
    """One column, over all rows of the source.

    Attributes:
        missing: cells without a value.
        unreadable: cells of text where a number belongs, treated as missing since the feature may be missing.
        refused: cells that break the contract.
        smallest: number, before anything is refused; None for text.
        largest: the same.
    """

    model_config = ConfigDict(frozen=True)

    missing: int
    unreadable: int = 0
    refused: int = 0
    smallest: float | None = None
    largest: float | None = None


class DataQualityReport(BaseModel):
    """What `validate` found.

    Attributes:
        domain: whose contract was asked.
        source: where the data came from.
        rows: in the source.
        accepted: rows that can be learnt from: neither refused nor a duplicate.
        refused: rows that break the contract.
        max_bad_share: share of refused rows that is borne.
        duplicates: accepted rows that say exactly what an earlier one says; they are left out.
        conflicts: accepted rows whose features stand in another row with another target; they are kept.
        absent: columns that the domain needs and the source lacks.
        unknown: columns of the source that the domain does not know; they are left out.
        columns: each column that the domain knows.
        classes: accepted rows of each class; empty for a regression.
        problems: everything that is wrong with the refused rows, by row.
        stops: why nothing can be learnt from this table; None where it can.
    """

    model_config = ConfigDict(frozen=True)

    domain: str
    source: str
    rows: int
    accepted: int = 0
    refused: int = 0
    max_bad_share: float
    duplicates: int = 0
    conflicts: int = 0
    absent: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    columns: dict[str, ColumnQuality] = {}
    classes: dict[str, int] = {}
    problems: tuple[RowProblem, ...] = ()
    stops: str | None = None

    def findings(self) -> Iterator[str]:
        """What a person should know, a sentence each; nothing for a table without flaw."""
        if self.refused:
            yield f"{count(self.refused, 'row')} refused, {self.refused / self.rows:.1%} of all"
        if self.duplicates:
            yield f"{count(self.duplicates, 'exact duplicate')} left out"
        if self.conflicts:
            yield f"{count(self.conflicts, 'row')} with the features of another row, and another target"
        for name, column in self.columns.items():
            if column.unreadable:
                yield f"{name}: {count(column.unreadable, 'cell')} of no number, treated as missing"
            if column.missing:
                yield f"{name}: {count(column.missing, 'cell')} missing"
        if self.classes and not all(self.classes.values()):
            yield f"no rows of class {', '.join(name for name, rows in self.classes.items() if not rows)}"
        if self.unknown:
            yield f"unknown columns left out: {', '.join(self.unknown)}"


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def first_of(problems: tuple[RowProblem, ...]) -> str:
    """The first problems on one line, and how many more there are."""
    more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return "; ".join(str(problem) for problem in problems[:SHOWN]) + more
