"""`tasador rollback`: go back to the previous champion."""

from __future__ import annotations

from operations.command_sender import current_actor
from schemas.commands import Rollback
from tasador.cli.commands.reload import TimeoutOption, WaitOption, activate
from tasador.cli.options import DomainOption, JsonOption

EXAMPLE = "tasador rollback --wait"


def rollback(
    wait: WaitOption = False,
    timeout: TimeoutOption = 30.0,
    domain: DomainOption = None,
    json: JsonOption = False,
) -> None:
    """Make the previous champion champion again, and activate it.

    The champion it replaces becomes the previous one, so a second rollback takes the first one back.
    """
    activate(Rollback(actor=current_actor()), domain, timeout, wait, json)
