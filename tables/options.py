"""How to read a file whose columns or numbers are not written as the domain expects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from schemas.sections import TableSettings

Decimal = Literal[".", ","]
"""The character before the fraction of a number; the other one may separate thousands."""


@dataclass(frozen=True, slots=True)
class TableOptions:
    """Options of a reader.

    Attributes:
        decimal: the decimal separator; None refuses numbers such as ``1,234``, whose meaning depends on it.
        rename: name in the file -> name in the domain.
        skip: columns to leave out, by their name in the file.
        required: columns that the file must have for these options, because a user named them for this file.
    """

    decimal: Decimal | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    skip: tuple[str, ...] = ()
    required: tuple[str, ...] = ()

    @classmethod
    def from_settings(
        cls,
        settings: TableSettings,
        decimal: Decimal | None = None,
        rename: Mapping[str, str] | None = None,
        skip: tuple[str, ...] = (),
    ) -> TableOptions:
        """The options of a domain's settings, overridden by those that are given for one file."""
        given = rename or {}
        return cls(decimal or settings.decimal, {**settings.rename, **given}, skip, (*skip, *given))


DEFAULT_OPTIONS = TableOptions()
