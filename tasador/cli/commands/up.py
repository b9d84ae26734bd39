"""`tasador up`: runs the whole system on this machine."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from registry.location import tracking_uri_of
from schemas.settings import load_settings
from tasador.cli.names import find_invocation
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_line, print_note
from tasador.machine.home import HomeLock
from tasador.machine.running_system import redis_url
from tasador.machine.system import System
from transport.address import without_password

EXAMPLE = "tasador up --consumers 4"

_WATCH_S = 0.2
_READY_TIMEOUT_S = 60.0


def up(
    consumers: Annotated[int, typer.Option(min=1, max=64, help="Number for each domain.")] = 2,
    domain: Annotated[
        str | None,
        typer.Option(envvar="TASADOR_DOMAIN", help="Run only this domain.", show_default="all of params.yaml"),
    ] = None,
) -> None:
    """Run the whole system on this machine until Ctrl-C.

    Each domain of params.yaml gets consumers, a training worker and a monitor, and a champion is trained for a domain
    without one. Without TASADOR_REDIS_URL a private Redis is started. State is in the home folder (.tasador, or
    TASADOR_HOME).
    """
    settings = load_settings(domain=domain)
    domains = (domain,) if domain else tuple(settings.domains)
    for name in domains:
        # otherwise its processes would end and start again for ever
        settings.for_domain(name).load_domain()
    with HomeLock(settings.home), interrupt_on_signals():
        system = System(settings, domains, consumers, print_note)
        try:
            _run(system)
        except KeyboardInterrupt:
            print_note("stopping; press Ctrl-C again to kill all processes")
        finally:
            system.stop()
        print_note(f"stopped; state stays in {settings.home}")


def _run(system: System) -> None:
    system.start()
    print_line(_map(system))
    print_note("starting")
    for process in system.wait_until_ready(_READY_TIMEOUT_S):
        print_note(f"{process.label} is not ready yet: see {process.url}/readyz and {process.log}")
    print_line(_what_next(system))
    while True:
        system.watch()
        time.sleep(_WATCH_S)


def _map(system: System) -> str:
    """Address and log of each process, one line each."""
    settings = system.settings
    rows = [
        ("redis", without_password(redis_url(settings)), str(system.redis.log) if system.redis else ""),
        ("mlflow", without_password(tracking_uri_of(settings)), ""),
        *((process.label, f"{process.url}/readyz", str(process.log)) for process in system.processes),
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(
        f"{name:<{widths[0]}}  {address:<{widths[1]}}  {log and f'log {_short(log)}'}".rstrip()
        for name, address, log in rows
    )


def _what_next(system: System) -> str:
    call, home = find_invocation(), system.settings.home
    lines = ["running; type in a second terminal:"]
    if home != type(system.settings).model_fields["home"].default:
        lines.append(f"  export TASADOR_HOME={shlex.quote(str(home.absolute()))}")
    lines += [f"  {call} {words}" for words in ("publish --sample 100", "tail predictions", "status")]
    return "\n".join([*lines, "Ctrl-C stops everything"])


def _short(path: str) -> str:
    return os.path.relpath(path) if path and Path(path).is_relative_to(Path.cwd()) else path
