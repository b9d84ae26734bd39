"""`tasador retrain`: sends a command to train, and waits for the result."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

import typer

from operations.command_sender import Activation, current_actor, error_of
from schemas.commands import Retrain, RetrainData
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
    wait: WaitOption = False,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait.")] = TIMEOUT_S,
    domain: DomainOption = None,
    json: JsonOption = False,
) -> None:
    """Make the training worker train, and promote the result if it passes the gate.

    Interrupting this command does not stop the training. Without --force, the worker skips a training if the champion
    was trained on the same data with the same settings.
    """
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
                activation = Activation(command.id, event.data.version or "", entry, confirmed)
    if json:
        document = asdict(activation) if activation else {"command_id": command.id, "skipped": event.data.message}
        write_json({key: value for key, value in document.items() if value is not None})
    elif activation:
        print_line(describe_activation(activation))
    else:
        print_line(f"skipped: {event.data.message}")
