"""Options that many commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from tasador.names import check_name

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
PortOption = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="For /livez, /readyz and /metrics; 0 picks a free one.")
]
