"""`tasador status`: shows the state of the system."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

import typer
from rich.live import Live
from rich.text import Text

from operations.status import Status, read_status
from schemas.errors import ConfigurationError, RedisUnavailableError
from schemas.settings import load_settings
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_note, stdout, write_json
from tasador.cli.views.status import status_view
from tasador.machine.running_system import find_settings, open_redis

EXAMPLE = "tasador status --watch"

DOWN = 2
EXIT_CODES = {"healthy": 0, "degraded": 1, "down": DOWN}


def status(
    is_watching: Annotated[bool, typer.Option("--watch", "-w", help="Refresh until Ctrl-C.")] = False,
    interval_s: Annotated[float, typer.Option("--interval", min=0.1, help="Seconds between refreshes.")] = 2.0,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show state and reasons, models, jobs, backlog, totals, rate, latency, processes and the newest model events.

    Exits with 0 if the domain is healthy, 1 if it is degraded, 2 if it is down: no consumer answers, no system runs, or
    Redis does not answer. With --watch it exits with the last state's code. With --watch --json each line is one
    status.
    """
    code = DOWN
    with suppress(KeyboardInterrupt):
        if is_watching:
            for shown in _watch(domain, as_json=as_json):
                code = shown
                time.sleep(interval_s)
        else:
            code = _show_once(domain, as_json=as_json)
    raise typer.Exit(code)


def _show_once(domain: str | None, *, as_json: bool) -> int:
    current = _read(domain)
    if isinstance(current, str):
        print_note(f"tasador: {current}")
        return DOWN
    if as_json:
        write_json(current.model_dump(mode="json"))
    else:
        stdout.print(status_view(current))
    return EXIT_CODES[current.state]


def _watch(domain: str | None, *, as_json: bool) -> Iterator[int]:
    """The exit code of each status that was shown, without end."""
    if as_json:
        while True:
            yield _show_once(domain, as_json=True)
    with Live(console=stdout, auto_refresh=False) as live:
        while True:
            current = _read(domain)
            live.update(Text(f"down  {current}") if isinstance(current, str) else status_view(current), refresh=True)
            yield DOWN if isinstance(current, str) else EXIT_CODES[current.state]


def _read(domain: str | None) -> Status | str:
    """The status, or why there is none: no system runs, or Redis does not answer.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    declared = load_settings(domain=domain).load_domain()
    try:
        settings = find_settings(domain)
    except ConfigurationError as error:  # the settings are right: there is no Redis
        return str(error)
    try:
        with open_redis(settings) as client:
            return read_status(client, settings.streams, declared, settings.high_water, settings.retention)
    except RedisUnavailableError as error:
        return str(error)
