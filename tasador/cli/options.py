"""Options that many commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from tasador.cli.names import check_name

MOMENT = "A duration (15min, 2h, 7d ago), an ISO time in UTC, or an entry id."
"""Help of options that take a moment."""

DomainOption = Annotated[
    str | None, typer.Option("--domain", envvar="TASADOR_DOMAIN", help="The domain to work on.", show_default="housing")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name", callback=check_name, help="The part's name, its own in the domain.", show_default="<host>-<port>"
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Pass the gate whatever it says of figures; what cannot be loaded stays out.")
]
ReasonOption = Annotated[
    str, typer.Option("--reason", help="Why; with --force, and kept with the version and who forced it.")
]
PortOption = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="For /livez, /readyz and /metrics; 0 picks a free one.")
]


def check_force(force: bool, reason: str) -> None:
    """That somebody who forces something says why.

    Raises:
        typer.BadParameter: one of the two is missing.
    """
    if force != bool(reason):
        raise typer.BadParameter("--force wants a --reason, and a --reason is for --force")
