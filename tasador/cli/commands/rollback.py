"""`tasador rollback`: goes back to the version that answered before."""

from __future__ import annotations

from typing import Annotated

import typer

from operations.command_sender import current_actor
from schemas.commands import ReasonData, Rollback
from tasador.cli.commands.reload import TimeoutOption, WaitOption, activate
from tasador.cli.options import DomainOption, JsonOption

EXAMPLE = "tasador rollback --wait"


def rollback(
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the history.")] = "",
    wait: WaitOption = False,
    timeout: TimeoutOption = 30.0,
    domain: DomainOption = None,
    json: JsonOption = False,
) -> None:
    """Go back to the version that answered before, whatever activated the present one.

    The champion of that time is champion again. A second rollback goes one version further back, and fails if there is
    none. The version must load; its figures are not checked.
    """
    activate(Rollback(actor=current_actor(), data=ReasonData(reason=reason)), domain, timeout, wait, json)
