"""`tasador up`: the whole system on this machine."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from registry.location import tracking_uri_of
from schemas.settings import load_settings
from tasador.cli.names import how_to_call
from tasador.cli.signals import interrupted_when_told
from tasador.cli.terminal import err, out
from tasador.machine.home import HomeLock
from tasador.machine.running_system import redis_url
from tasador.machine.system import System
from transport.address import without_password

EXAMPLE = "tasador up --consumers 4"

_WATCH_S = 0.2
_READY_TIMEOUT_S = 60.0


def up(
    consumers: Annotated[int, typer.Option(min=1, max=64, help="How many for each domain.")] = 2,
    domain: Annotated[
        str | None,
        typer.Option(envvar="TASADOR_DOMAIN", help="Run this domain only.", show_default="all of params.yaml"),
    ] = None,
) -> None:
    """Run the whole system on this machine until Ctrl-C.

    Every domain of params.yaml gets consumers and a training worker, and a champion where it has none. Without
    TASADOR_REDIS_URL a private Redis is started. State stays in the home folder (.tasador, or TASADOR_HOME).
    """
    settings = load_settings(domain=domain)
    domains = (domain,) if domain else tuple(settings.domains)
    with HomeLock(settings.home), interrupted_when_told():
        system = System(settings, domains, consumers, _tell)
        try:
            _run(system)
        except KeyboardInterrupt:
            _tell("stopping; once more to hurry")
        finally:
            system.stop()
        _tell(f"stopped; state stays in {settings.home}")


def _run(system: System) -> None:
    system.start()
    out.out(_map(system), highlight=False)
    _tell("starting")
    for part in system.wait_until_ready(_READY_TIMEOUT_S):
        _tell(f"{part.label} is not ready yet: {part.url}/readyz says why, and {part.log} more")
    out.out(_what_next(system), highlight=False)
    while True:
        system.watch()
        time.sleep(_WATCH_S)


def _map(system: System) -> str:
    """Where everything is, one line each."""
    settings = system.settings
    rows = [
        ("redis", without_password(redis_url(settings)), str(system.redis.log) if system.redis else ""),
        ("mlflow", without_password(tracking_uri_of(settings)), ""),
        *((part.label, f"{part.url}/readyz", str(part.log)) for part in system.parts),
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(
        f"{name:<{widths[0]}}  {address:<{widths[1]}}  {log and f'log {_short(log)}'}".rstrip()
        for name, address, log in rows
    )


def _what_next(system: System) -> str:
    call, home = how_to_call(), system.settings.home
    lines = ["running; in a second terminal:"]
    if home != type(system.settings).model_fields["home"].default:
        lines.append(f"  export TASADOR_HOME={shlex.quote(str(home.absolute()))}")
    lines += [f"  {call} {words}" for words in ("publish --sample 100", "tail predictions", "status")]
    return "\n".join([*lines, "Ctrl-C stops everything"])


def _short(path: str) -> str:
    return os.path.relpath(path) if path and Path(path).is_relative_to(Path.cwd()) else path


def _tell(line: str) -> None:
    err.print(line, highlight=False, markup=False, soft_wrap=True)
