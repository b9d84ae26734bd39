"""`tasador up`: runs the whole system on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from schemas.errors import NotConfirmedError
from schemas.settings import Settings, load_settings
from tasador.cli.completions import complete_domain
from tasador.cli.names import find_invocation
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_line, print_note, stdout
from tasador.cli.views.running_system import map_of, next_steps
from tasador.machine.background import BackgroundStart
from tasador.machine.control import ControlSocket
from tasador.machine.home import HomeLock
from tasador.machine.readiness import why_not_ready
from tasador.machine.requests import add_domain
from tasador.machine.running_system import RunningSystem, read_running_system, require_running_system
from tasador.machine.system import System

EXAMPLE = "tasador up --detach --consumers 4"

_WATCH_S = 0.2
_READY_TIMEOUT_S = 60.0


def up(
    consumers: Annotated[int, typer.Option(min=1, max=64, help="Number for each domain.")] = 2,
    domain: Annotated[
        str | None,
        typer.Option(
            envvar="TASADOR_DOMAIN",
            help="Run only this domain, or add it to the running system.",
            show_default="all of params.yaml",
            autocompletion=complete_domain,
        ),
    ] = None,
    is_detached: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when everything runs; `tasador down` stops it.")
    ] = False,
    is_in_background: Annotated[bool, typer.Option("--in-background", hidden=True)] = False,
) -> None:
    """Run the whole system on this machine until Ctrl-C.

    Each domain of params.yaml gets consumers, a training worker and a monitor, and a champion is trained for a domain
    without one. Without TASADOR_REDIS_URL a private Redis is started. State is in the home folder (.tasador, or
    TASADOR_HOME). While a system is running there, --domain adds a domain to it.
    """
    settings = load_settings(domain=domain)
    if domain and read_running_system(settings.home) is not None:
        _add(domain, consumers)
        return
    if is_detached:
        _start_in_background(settings, consumers, domain)
        return
    domains = (domain,) if domain else tuple(settings.domains)
    for name in domains:
        # otherwise its processes would end and start again for ever
        settings.for_domain(name).load_domain()
    with HomeLock(settings.home), interrupt_on_signals():
        system = System(settings, domains, consumers, print_note)
        try:
            _run(system, is_in_background=is_in_background)
        except KeyboardInterrupt:
            print_note("stopping; press Ctrl-C again to kill all processes")
        finally:
            system.stop()
        print_note(f"stopped; state stays in {settings.home}")


def _run(system: System, *, is_in_background: bool) -> None:
    home = system.settings.home
    with ControlSocket(home) as control:
        system.start()
        if not is_in_background:
            _show_map(read_running_system(home), home)
            print_note("starting")
        for process in system.wait_until_ready(_READY_TIMEOUT_S):
            print_note(f"{process.label} is not ready yet: see {process.url}/readyz and {process.log}")
        control.open()
        system.is_started = True
        system.write_running_system()
        if not is_in_background:
            print_line(next_steps(home, _example_domain(system.settings), is_in_background=False))
        while True:
            system.watch()
            control.serve_one(system.carry_out, _WATCH_S)


def _start_in_background(settings: Settings, consumers: int, domain: str | None) -> None:
    with HomeLock(settings.home):  # the error of a second system is known before it starts
        pass
    arguments = ["--consumers", str(consumers), *(("--domain", domain) if domain else ())]
    with interrupt_on_signals():
        system = BackgroundStart(settings.home, arguments, print_note).wait_until_started()
    _show_map(system, settings.home)
    if waiting := {label: reason for label, url in system.parts.items() if (reason := why_not_ready(url))}:
        label, reason = next(iter(waiting.items()))
        raise NotConfirmedError(f"everything was started, but {label} is not ready: {reason}")
    print_line(next_steps(settings.home, _example_domain(settings), is_in_background=True))


def _add(domain: str, consumers: int) -> None:
    settings = load_settings(domain=domain)
    settings.load_domain()
    # whatever the environment names here, the domain is trained for the system that runs
    system = require_running_system(settings.home)
    addresses = {"redis_url": SecretStr(system.redis_url), "mlflow_uri": system.mlflow_uri}
    settings = settings.model_copy(update=addresses)
    system = add_domain(settings, consumers, _READY_TIMEOUT_S)
    _show_map(system, settings.home)
    print_line(f"{domain} was added; `{find_invocation()} down --domain {domain}` removes it")


def _example_domain(settings: Settings) -> str:
    """The domain that examples of commands name: the chosen one if it runs, else the first."""
    return settings.domain if settings.domain in settings.domains else next(iter(settings.domains), settings.domain)


def _show_map(system: RunningSystem | None, home: Path) -> None:
    if system is not None:
        print_line(map_of(system, home, stdout.width))
