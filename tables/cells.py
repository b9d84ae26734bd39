"""The meaning of one cell: a gap, a number, a boolean or a text, the same in every format.

These texts are gaps: what pandas reads as missing, and ``?``, with which older tables mark it. These are numbers:
``12.5``, ``-3``, ``.5``, ``1e3``, with blanks around them, and ``1,234.5`` or ``1,234,567`` with a comma before every
third digit. ``1,234`` and ``12,5`` depend on the country: without a decimal separator in the options they are an error.
A boolean is the text ``True`` or ``False``, however it is written.
"""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime, time
from decimal import Decimal as DecimalNumber
from functools import singledispatch
from typing import Any

from schemas.errors import DataError
from tables.options import Decimal

GAP_MARKS = frozenset(
    {
        "",
        "?",
        "NA",
        "N/A",
        "n/a",
        "#N/A",
        "#NA",
        "#N/A N/A",
        "<NA>",
        "NaN",
        "nan",
        "-NaN",
        "-nan",
        "NaT",
        "NULL",
        "null",
    }
    | {"None", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"}
)
"""The texts that stand for a missing value."""

_THOUSANDS = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+\.\d*|\d{1,3}(?:,\d{3}){2,})(?:[eE][+-]?\d+)?", re.ASCII)
_UNDECIDED = re.compile(r"[+-]?(?:\d*,\d+|\d{1,3}(?:\.\d{3})+,\d*|\d{1,3}(?:\.\d{3}){2,})(?:[eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d*)?)(?:[eE][+-]?\d+)?", re.ASCII)
# neither codes with leading zeros, such as postal codes, nor codes such as 1E5
_PLAIN = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)", re.ASCII)
_SWAPPED = str.maketrans(".,", ",.")
_BOOLEANS = {"true": "True", "false": "False"}


class UndecidedNumberError(DataError):
    """A number whose meaning depends on the decimal separator."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} has another value with a decimal comma than with a decimal point: "
            "choose one with --decimal , or --decimal ."
        )


def is_gap(cell: Any) -> bool:
    """Whether a cell is missing, of whatever type."""
    if isinstance(cell, str):
        return cell.strip() in GAP_MARKS
    if cell is None or type(cell).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(cell, float) and math.isnan(cell)


def read_number(cell: Any, decimal: Decimal | None = None) -> float | None:
    """The number in a cell, possibly infinite; None for a gap and for anything else that is not a number.

    Raises:
        UndecidedNumberError: its meaning depends on the decimal separator, and `decimal` is None.
    """
    if isinstance(cell, str):
        return _number_in(cell.strip(), decimal)
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float | DecimalNumber):
        return _as_float(cell)
    return read_number(cell.item(), decimal) if _is_numpy_scalar(cell) else None


def _is_numpy_scalar(cell: Any) -> bool:
    # without importing numpy, which a reader of CSV does not need
    return getattr(cell, "ndim", None) == 0


def _as_float(number: float | DecimalNumber) -> float | None:
    try:
        value = float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
    return None if math.isnan(value) else value


def _number_in(text: str, decimal: Decimal | None) -> float | None:
    if decimal == ",":
        text = text.translate(_SWAPPED)
    # float() also accepts 1_000 and the digits of every script
    if text.isascii() and "_" not in text:
        try:
            return _as_float(float(text))
        except ValueError:
            pass
    if _THOUSANDS.fullmatch(text) or (decimal is not None and _GROUPED.fullmatch(text)):
        return float(text.replace(",", ""))
    if decimal is None and _UNDECIDED.fullmatch(text):
        raise UndecidedNumberError(text)
    return None


def text_of(cell: Any) -> str:
    """A cell that is not a gap as text, the same for every way of writing the same value.

    A whole number has no decimal point, so that 1, 1.0 and ``1.0`` are one category. Text with leading zeros or an
    exponent may be a code, such as a postal code, and stays as it is.
    """
    if isinstance(cell, str):
        text = cell.strip()
        if _PLAIN.fullmatch(text):
            return _number_text(float(text), text)
        return _BOOLEANS.get(text.lower(), text)
    return _typed_text(cell)


@singledispatch
def _typed_text(cell: Any) -> str:
    return text_of(cell.item()) if _is_numpy_scalar(cell) else str(cell)


@_typed_text.register(float)
@_typed_text.register(DecimalNumber)
def _(cell: float | DecimalNumber) -> str:
    return _number_text(float(cell), str(cell))


@_typed_text.register
def _(cell: datetime) -> str:
    # a date that a format stores with a time is written like a date
    return cell.date().isoformat() if cell.timetz() == time() else cell.isoformat(sep=" ")


@_typed_text.register
def _(cell: date) -> str:
    return cell.isoformat()


@_typed_text.register
def _(cell: bytes) -> str:
    return cell.decode("utf-8", "backslashreplace")


@_typed_text.register(list)
@_typed_text.register(dict)
def _(cell: list[Any] | dict[str, Any]) -> str:
    return json.dumps(cell, ensure_ascii=False, default=str)


def _number_text(number: float, text: str) -> str:
    if not math.isfinite(number):
        return text
    # beyond 2**53 a float no longer has every whole number
    if number.is_integer() and abs(number) < 2**53:
        return str(int(number))
    return text if abs(number) >= 2**53 else repr(number)
