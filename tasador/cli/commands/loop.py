"""`tasador loop`: pauses and resumes the monitor's retraining loop."""

from __future__ import annotations

from typing import Annotated

import typer

from operations.command_sender import current_actor
from schemas.commands import PauseLoop, ReasonData, ResumeLoop
from tasador.cli.commands.reload import TimeoutOption, open_sender
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_line, write_json

app = typer.Typer(
    help="Pause or resume the monitor's retraining loop.\n\nWhile it is paused, the monitor neither requests trainings "
    "nor rolls back a harmful model; `tasador status` shows who paused it, and why. It stays paused across restarts.",
    no_args_is_help=True,
)

WhyOption = Annotated[str, typer.Option("--reason", help="Why; shown in the status and kept in the history.")]


@app.command(epilog='Example: tasador loop pause --reason "the outcomes of today are wrong"')
def pause(
    reason: WhyOption = "", timeout: TimeoutOption = 30.0, domain: DomainOption = None, as_json: JsonOption = False
) -> None:
    """Pause the loop: nothing is retrained or rolled back by itself."""
    command = PauseLoop(actor=current_actor(), data=ReasonData(reason=reason))
    _send(command, domain, timeout, "the retraining loop is paused", as_json=as_json)


@app.command(epilog="Example: tasador loop resume")
def resume(
    reason: WhyOption = "", timeout: TimeoutOption = 30.0, domain: DomainOption = None, as_json: JsonOption = False
) -> None:
    """Resume the loop."""
    command = ResumeLoop(actor=current_actor(), data=ReasonData(reason=reason))
    _send(command, domain, timeout, "the retraining loop runs", as_json=as_json)


def _send(command: PauseLoop | ResumeLoop, domain: str | None, timeout_s: float, done: str, *, as_json: bool) -> None:
    with open_sender(domain) as sender:
        event = sender.carry_out(command, timeout_s)
    if as_json:
        write_json({"command_id": command.id, "result": event.type})
    else:
        print_line(done)
