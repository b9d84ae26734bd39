"""Options that several commands share."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from schemas.command_line import DEFAULT_DOMAIN, DOMAIN_VARIABLE
from tasador.cli.completions import complete_domain, complete_version
from tasador.cli.names import check_name

MOMENT = "A duration (15min, 2h, 7d ago), an ISO time in UTC, or an entry id."
"""Help of options that take a point in time."""


def _note_domain(context: typer.Context, domain: str | None) -> str | None:
    """Remember a domain that was given, for this command: messages repeat it (`schemas.command_line`)."""
    if domain is not None:
        before = os.environ.get(DOMAIN_VARIABLE)
        os.environ[DOMAIN_VARIABLE] = domain
        context.call_on_close(lambda: _restore(before))
    return domain


def _restore(domain: str | None) -> None:
    if domain is None:
        os.environ.pop(DOMAIN_VARIABLE, None)
    else:
        os.environ[DOMAIN_VARIABLE] = domain


DomainOption = Annotated[
    str | None,
    typer.Option(
        "--domain",
        envvar=DOMAIN_VARIABLE,
        callback=_note_domain,
        help="Domain to work on.",
        show_default=DEFAULT_DOMAIN,
        autocompletion=complete_domain,
    ),
]
VersionArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="A version's number.", autocompletion=complete_version)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name", callback=check_name, help="Name of the process, unique in the domain.", show_default="<host>-<port>"
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Promote even if figures fail the gate; the model must still load.")
]
ReasonOption = Annotated[
    str, typer.Option("--reason", help="Reason for --force; stored with the version, with your name.")
]
PortOption = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="For /livez, /readyz and /metrics; 0 picks a free one.")
]


def check_force(force: bool, reason: str) -> None:
    """Check that --force and --reason come together.

    Raises:
        typer.BadParameter: one of them is missing.
    """
    if force != bool(reason):
        raise typer.BadParameter("--force and --reason require each other")
