"""`tasador reload`: put another version in charge while listings flow."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from operations.command_sender import Activation, CommandSender, current_actor
from schemas.commands import Command, Reload, ReloadData
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import err, out, write_json
from tasador.machine.running_system import find_settings, open_redis, redis_url
from transport.connection import speaking_to

EXAMPLE = "tasador reload --version 7 --wait"

WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until every living consumer has confirmed.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=0, help="How long to wait, in seconds.")]


def reload(
    version: Annotated[str | None, typer.Option(help="The version to activate.")] = None,
    alias: Annotated[str | None, typer.Option(help="Activate what this alias names.", show_default="champion")] = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = 30.0,
    domain: DomainOption = None,
    json: JsonOption = False,
) -> None:
    """Activate a model: a version, or what an alias names.

    The training worker checks it first; the old model scores until the new one is loaded.
    """
    if version and alias:
        raise typer.BadParameter("name a version or an alias, not both")
    activate(Reload(actor=current_actor(), data=ReloadData(version=version, alias=alias)), domain, timeout, wait, json)


def activate(command: Command, domain: str | None, timeout_s: float, wait: bool, as_json: bool) -> None:
    """Send a command that activates a model, and tell what came of it."""
    settings = find_settings(domain)
    with speaking_to(redis_url(settings)), open_redis(settings) as client:
        control = CommandSender(client, settings.streams)
        if not control.living_workers():
            err.print(f"no training worker runs yet; the command waits in {settings.streams.commands}")
        activation = control.activate(command, timeout_s, wait=wait)
    if as_json:
        write_json({key: value for key, value in asdict(activation).items() if value is not None})
    else:
        out.print(in_words(activation), highlight=False)


def in_words(activation: Activation) -> str:
    """An activation, and who confirmed it, as one line."""
    told = f"version {activation.version} is activated ({activation.entry})"
    if activation.confirmed is None:
        return told
    if not activation.confirmed:
        return f"{told}; no consumer runs"
    times = (f"{name} ({ms:.0f} ms)" if ms is not None else name for name, ms in sorted(activation.confirmed.items()))
    return f"{told}; confirmed by {', '.join(times)}"
