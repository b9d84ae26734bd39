"""`tasador retrain`: sends a command to train, and waits for the result."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

import typer

from operations.command_sender import Activation, current_actor, error_of
from schemas.commands import CancelTraining, ReasonData, Retrain, RetrainData
from tasador.cli.commands.reload import WaitOption, describe_activation, open_sender
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_line, stderr, write_json

EXAMPLE = "tasador retrain --wait"

TIMEOUT_S = 1800.0


def retrain(
    models: Annotated[
        str, typer.Option(help="Recipes to try, separated by commas.", show_default="training.models in params.yaml")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Train even if nothing has changed.")] = False,
    reason: Annotated[
        str,
        typer.Option("--reason", help="With --force: promote even if figures fail the gate; stored with the version."),
    ] = "",
    is_cancelling: Annotated[
        bool, typer.Option("--cancel", help="Stop the training that runs; --reason says why. Nothing is registered.")
    ] = False,
    wait: WaitOption = False,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait.")] = TIMEOUT_S,
    domain: DomainOption = None,
    json: JsonOption = False,
) -> None:
    """Make the training worker train, and promote the result if it passes the gate.

    Interrupting this command does not stop the training; --cancel does. Without --force, the worker skips a training
    if the champion was trained on the same data with the same settings.
    """
    if is_cancelling:
        if force or models:
            raise typer.BadParameter("--cancel takes no other options than --reason")
        _cancel(reason, domain, timeout, as_json=json)
        return
    if reason and not force:
        raise typer.BadParameter("--reason requires --force")
    names = tuple(name.strip() for name in models.split(",") if name.strip())
    command = Retrain(actor=current_actor(), data=RetrainData(models=names, force=force, reason=reason))
    deadline = time.monotonic() + timeout
    with open_sender(domain) as sender:
        sender.send(command)
        with stderr.status(f"training (command {command.id}); Ctrl-C stops waiting, not the training"):
            entry, event = sender.wait_for_answer(command.id, deadline)
            if event.type not in {"model.activated", "training.skipped"}:
                raise error_of(event)
            if event.type == "training.skipped":
                activation = None
            else:
                confirmed = sender.wait_for_consumers(entry, deadline) if wait else None
                activation = Activation(command.id, event.data.version or "", entry, event.data.champion, confirmed)
    if json:
        document = asdict(activation) if activation else {"command_id": command.id, "skipped": event.data.message}
        write_json({key: value for key, value in document.items() if value is not None})
    elif activation:
        print_line(describe_activation(activation))
    else:
        print_line(f"skipped: {event.data.message}")


def _cancel(reason: str, domain: str | None, timeout_s: float, *, as_json: bool) -> None:
    command = CancelTraining(actor=current_actor(), data=ReasonData(reason=reason))
    with open_sender(domain) as sender, stderr.status("stopping the training"):
        event = sender.carry_out(command, timeout_s)
    if as_json:
        write_json({"command_id": command.id, "result": event.type, "message": event.data.message})
    else:
        print_line(event.data.message or "the training was stopped")
