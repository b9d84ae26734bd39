"""`tasador rollback`: promotes the previous champion again."""

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
    """Promote the previous champion again, and activate it.

    The replaced champion becomes the previous one, so a second rollback reverts the first.
    """
    activate(Rollback(actor=current_actor()), domain, timeout, wait, json)
