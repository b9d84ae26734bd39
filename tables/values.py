"""Reads the cells of one column as values of a feature, a target or an id, as the domain declares them.

A cell that cannot be read is returned as text: the caller decides whether that is a refused row, a dead
letter or an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from schemas.domain import Domain
from schemas.features import Feature
from tables.cells import UndecidedNumberError, is_gap, read_number, text_of
from tables.options import Decimal

CellReader = Callable[[Any], Any]
"""Converts a cell to a float, an int or a text, or None for a gap; an unreadable cell becomes text."""

MAX_REMEMBERED = 10_000


class UndecidedCellError(UndecidedNumberError):
    """A cell of a column with a number whose meaning depends on the decimal separator."""

    def __init__(self, column: str, text: str) -> None:
        super().__init__(text)
        self.args = (f"column {column!r}: {self.args[0]}",)


def feature_reader(feature: Feature, decimal: Decimal | None = None) -> CellReader:
    """The reader of a feature's cells.

    Raises:
        UndecidedCellError: (the reader) a number depends on the decimal separator, and `decimal` is None.
    """
    if feature.kind == "category":
        return category_reader(feature.categories)
    return number_reader(feature.column, decimal, is_whole=feature.kind == "integer")


def target_reader(domain: Domain, decimal: Decimal | None = None) -> CellReader:
    """The reader of the target's cells, as `feature_reader`."""
    target = domain.target
    return category_reader(target.classes) if target.classes else number_reader(target.name, decimal)


def number_reader(column: str, decimal: Decimal | None = None, *, is_whole: bool = False) -> CellReader:
    """The reader of a column of numbers; infinity is unreadable.

    Args:
        column: its name, for messages.
        decimal: the decimal separator.
        is_whole: whether 3.0 becomes the int 3, as in an event.
    """
    has_point = decimal != ","

    def read(cell: Any) -> Any:
        if has_point and type(cell) is str:
            try:
                number = float(cell)
            except ValueError:
                return slow(cell)
            # float() also accepts infinity, 1_000 and the digits of every script
            if number - number == 0 and "_" not in cell and cell.isascii():
                return int(number) if is_whole and number.is_integer() else number
        return slow(cell)

    def slow(cell: Any) -> Any:
        if is_gap(cell):
            return None
        try:
            number = read_number(cell, decimal)
        except UndecidedNumberError as error:
            raise UndecidedCellError(column, cell.strip()) from error
        if number is None or not math.isfinite(number):
            return cell if isinstance(cell, str) else text_of(cell)
        return int(number) if is_whole and number.is_integer() else number

    return read


def category_reader(declared: Sequence[str]) -> CellReader:
    """The reader of a column of categories or classes.

    A declared text wins over a gap mark. Otherwise another way of writing a declared value, such as 1.0 for 1 or TRUE
    for True, becomes the declared one.
    """
    by_text = {text_of(text): text for text in reversed(declared)}
    known: dict[str, Any] = {text: text for text in declared}

    def read(cell: Any) -> Any:
        if type(cell) is not str:
            return None if is_gap(cell) else by_text.get(text := text_of(cell), text)
        try:
            return known[cell]
        except KeyError:
            value = look_up(cell)
            if len(known) < MAX_REMEMBERED:
                known[cell] = value
            return value

    def look_up(text: str) -> str | None:
        if text.strip() in by_text.values():
            return text.strip()
        same = by_text.get(text_of(text))
        return same if same is not None else None if is_gap(text) else text

    return read


def read_id(cell: Any) -> Any:
    """The id in a cell: text without surrounding blanks, and a number as text; other types are unchanged."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool) or is_gap(cell):
        return None
    return text_of(cell) if isinstance(cell, int | float) else cell
