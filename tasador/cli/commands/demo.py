"""`tasador demo`: runs the main job on real data, in about a minute."""

from __future__ import annotations

import time

import typer

from schemas.errors import ConfigurationError
from schemas.settings import load_settings
from tasador.cli.names import find_invocation
from tasador.cli.options import DomainOption
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_line, print_note
from tasador.machine.home import HomeLock
from tasador.machine.system import System
from tasador.machine.web_processes import WEB_PORTS

EXAMPLE = "tasador demo"

DOMAIN = "housing"
CONSUMERS = 2


def demo(domain: DomainOption = None) -> None:
    """Run the main job on real data, then exit.

    Starts a private Redis, a training worker and two consumers, publishes the 506 listings of Boston housing and a few
    broken ones, and swaps the model half-way. Exits with 0 if every listing got exactly one outcome.
    """
    settings = load_settings(domain=domain)
    if settings.domain != DOMAIN:
        raise ConfigurationError(f"the demo runs on the domain {DOMAIN} only, not on {settings.domain}")
    settings.load_domain()
    # the demo must not write to a shared Redis or MLflow
    settings = settings.model_copy(update={"redis_url": None, "mlflow_uri": None})
    begin = time.monotonic()
    with HomeLock(settings.home), interrupt_on_signals():
        print_note(f"the private Redis, MLflow and all state are in {settings.home}")
        system = System(settings, (DOMAIN,), CONSUMERS, print_note)
        try:
            from tasador.demo.runner import run_demo

            result = run_demo(system, print_note)
        finally:
            system.stop()
    print_line(f"\nThis took {time.monotonic() - begin:.0f} s. Next:")
    print_line(_what_next())
    if not result:
        raise typer.Exit(1)


def _what_next() -> str:
    call = find_invocation()
    page = f"http://127.0.0.1:{WEB_PORTS['console']}"
    first = "make up" if call != "tasador" else "tasador up"
    lines = {
        first: f"run the same processes and a web page at {page} until Ctrl-C; then, in a second terminal:",
        f"{call} publish --sample 100": "publish listings",
        f"{call} tail predictions": "see their predictions",
        f"{call} status": "see the state of the system",
        f"{call} reload --wait": "activate the champion again",
    }
    width = max(map(len, lines)) + 2
    return "\n".join(f"  {command:<{width}}{what}" for command, what in lines.items())
