"""`tasador reload`: activates a version while listings flow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer

from operations.command_sender import Activation, CommandSender, current_actor
from schemas.commands import Command, Reload, ReloadData
from tasador.cli.completions import complete_version
from tasador.cli.options import DomainOption, JsonOption, check_force
from tasador.cli.terminal import print_line, print_note, write_json
from tasador.machine.running_system import find_settings, open_redis

EXAMPLE = "tasador reload --version 7 --wait"

WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until every live consumer has confirmed.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait.")]


def reload(
    version: Annotated[str | None, typer.Option(help="Version to activate.", autocompletion=complete_version)] = None,
    alias: Annotated[str | None, typer.Option(help="Activate an alias's version.", show_default="champion")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Activate a version that never passed the gate; it must still load.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", help="Reason for --force; kept with the version and in the history.")
    ] = "",
    wait: WaitOption = False,
    timeout: TimeoutOption = 30.0,
    domain: DomainOption = None,
    json: JsonOption = False,
) -> None:
    """Activate a version, or the version that an alias points to.

    The training worker checks it first: it must have passed the gate, or --force and --reason activate it all the same.
    The champion stays. Consumers score with the old model until the new one is loaded.
    """
    if version and alias:
        raise typer.BadParameter("use --version or --alias, not both")
    check_force(force, reason)
    data = ReloadData(version=version, alias=alias, force=force, reason=reason)
    activate(Reload(actor=current_actor(), data=data), domain, timeout, wait, json)


def activate(command: Command, domain: str | None, timeout_s: float, wait: bool, as_json: bool) -> None:
    """Send a command that activates a model, wait for its answer, and print it."""
    with open_sender(domain) as sender:
        activation = sender.activate(command, timeout_s, wait=wait)
    if as_json:
        write_json({key: value for key, value in asdict(activation).items() if value is not None})
    else:
        print_line(describe_activation(activation))


@contextmanager
def open_sender(domain: str | None) -> Iterator[CommandSender]:
    """A sender of commands; prints a note if no training worker is running."""
    settings = find_settings(domain)
    with open_redis(settings) as client:
        sender = CommandSender(client, settings.streams, settings.domain)
        if not sender.living_workers():
            print_note(f"no training worker is running; the command waits in {settings.streams.commands}")
        yield sender


def describe_activation(activation: Activation) -> str:
    """One line with the version and the consumers that confirmed it."""
    text = f"version {activation.version} is activated ({activation.entry})"
    if activation.champion not in {None, activation.version}:
        text += f"; champion is version {activation.champion}"
    if activation.confirmed is None:
        return text
    if not activation.confirmed:
        return f"{text}; no consumer is running"
    times = (f"{name} ({ms:.0f} ms)" if ms is not None else name for name, ms in sorted(activation.confirmed.items()))
    return f"{text}; confirmed by {', '.join(times)}"
