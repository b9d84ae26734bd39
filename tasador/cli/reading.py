"""The options of commands that read a file: decimal separator, and columns to rename and to skip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from schemas.sections import DomainSettings
from schemas.settings import Settings
from tables.options import Decimal, TableOptions

DecimalOption = Annotated[
    Decimal | None,
    typer.Option("--decimal", help="Decimal separator of numbers such as 1,234 or 12,5: a point or a comma."),
]
RenameOption = Annotated[
    list[str] | None,
    typer.Option("--rename", metavar="A=B", help="Read column A of the file as column B; repeatable."),
]
SkipOption = Annotated[
    list[str] | None, typer.Option("--skip", metavar="COLUMN", help="Leave this column of the file out; repeatable.")
]


def table_options(
    settings: Settings | None, decimal: Decimal | None, rename: Sequence[str] | None, skip: Sequence[str] | None = None
) -> TableOptions:
    """The options of a reader, from a command's options and the domain's settings.

    Raises:
        typer.BadParameter: an option --rename is not of the form A=B.
    """
    listed = settings.domains.get(settings.domain) if settings else None
    return TableOptions.from_settings(
        (listed or DomainSettings()).table, decimal, _pairs(rename or ()), tuple(skip or ())
    )


def with_table_options(settings: Settings, decimal: Decimal | None, rename: Sequence[str] | None) -> Settings:
    """The settings with options for the files of their domain, for commands that read training data.

    Raises:
        typer.BadParameter: as `table_options`.
    """
    options = table_options(settings, decimal, rename)
    listed = settings.domains.get(settings.domain, DomainSettings())
    table = listed.table.model_copy(update={"decimal": options.decimal, "rename": dict(options.rename)})
    domains = settings.domains | {settings.domain: listed.model_copy(update={"table": table})}
    return settings.model_copy(update={"domains": domains})


def _pairs(rename: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in rename:
        old, equals, new = text.partition("=")
        if not (old and equals and new):
            raise typer.BadParameter(f"--rename {text}: write the column of the file, =, and its new name")
        pairs[old] = new
    return pairs
