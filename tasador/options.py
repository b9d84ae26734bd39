"""Options that many commands share."""

from __future__ import annotations

from typing import Annotated

import typer

DomainOption = Annotated[
    str | None, typer.Option("--domain", envvar="TASADOR_DOMAIN", help="The domain to work on.", show_default="housing")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
