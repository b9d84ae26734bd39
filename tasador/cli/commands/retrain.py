"""`tasador retrain`: let the training worker train, judge and promote."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

import typer

from operations.command_sender import Activation, CommandSender, current_actor, error_of
from schemas.commands import Retrain, RetrainData
from tasador.cli.commands.reload import WaitOption, in_words
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import err, out, write_json
from tasador.machine.running_system import find_settings, open_redis, redis_url
from transport.connection import speaking_to

EXAMPLE = "tasador retrain --wait"

TIMEOUT_S = 1800.0


def retrain(
    models: Annotated[
        str, typer.Option(help="Recipes to try, separated by commas.", show_default="all that fit, within params.yaml")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Train also where nothing has changed.")] = False,
    reason: Annotated[
        str, typer.Option("--reason", help="With --force: promote whatever the gate says; kept with the version.")
    ] = "",
    wait: WaitOption = False,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="How long to wait, in seconds.")] = TIMEOUT_S,
    domain: DomainOption = None,
    json: JsonOption = False,
) -> None:
    """Train, put the result before the gate, and make it champion if it passes.

    The training worker does it; this waits for its answer and may be interrupted. Nothing is trained where the champion
    was made from the same data in the same way, unless forced.
    """
    if reason and not force:
        raise typer.BadParameter("--reason is for --force")
    names = tuple(name.strip() for name in models.split(",") if name.strip())
    command = Retrain(actor=current_actor(), data=RetrainData(models=names, force=force, reason=reason))
    settings = find_settings(domain)
    deadline = time.monotonic() + timeout
    with speaking_to(redis_url(settings)), open_redis(settings) as client:
        control = CommandSender(client, settings.streams)
        if not control.living_workers():
            err.print(f"no training worker runs yet; the command waits in {settings.streams.commands}")
        control.send(command)
        with err.status(f"command {command.id} trains; Ctrl-C stops waiting, not the training"):
            entry, event = control.wait_for_answer(command.id, deadline)
            if event.type not in {"model.activated", "training.skipped"}:
                raise error_of(event)
            if event.type == "training.skipped":
                activation = None
            else:
                confirmed = control.wait_for_consumers(entry, deadline) if wait else None
                activation = Activation(command.id, event.data.version or "", entry, confirmed)
    if json:
        told = asdict(activation) if activation else {"command_id": command.id, "skipped": event.data.message}
        write_json({key: value for key, value in told.items() if value is not None})
    elif activation:
        out.print(in_words(activation), highlight=False)
    else:
        out.print(f"skipped: {event.data.message}", highlight=False, markup=False, soft_wrap=True)
