"""`tasador demo`: the main job on real data, in about a minute."""

from __future__ import annotations

import time

import typer

from schemas.errors import ConfigurationError
from schemas.settings import load_settings
from tasador.cli.names import how_to_call
from tasador.cli.options import DomainOption
from tasador.cli.signals import interrupted_when_told
from tasador.cli.terminal import err, out
from tasador.machine.home import HomeLock
from tasador.machine.system import System

EXAMPLE = "tasador demo"

DOMAIN = "housing"
CONSUMERS = 2


def demo(domain: DomainOption = None) -> None:
    """Run the main job on real data, and exit.

    Starts a private Redis, a training worker and two consumers, publishes the 506 real listings of Boston housing and a
    few broken ones, and swaps the model half-way. Ends with 0 if every listing got exactly one outcome.
    """
    settings = load_settings(domain=domain)
    if settings.domain != DOMAIN:
        raise ConfigurationError(f"the demo runs on {DOMAIN}, which comes with real data, not on {settings.domain}")
    # never on a Redis or an MLflow that others use
    settings = settings.model_copy(update={"redis_url": None, "mlflow_uri": None})
    begin = time.monotonic()
    with HomeLock(settings.home), interrupted_when_told():
        _tell(f"a private Redis, MLflow and all state lie in {settings.home}")
        system = System(settings, (DOMAIN,), CONSUMERS, _tell)
        try:
            from tasador.demo.story import tell_story

            result = tell_story(system, _tell)
        finally:
            system.stop()
    out.print(f"\nThis took {time.monotonic() - begin:.0f} s. What to type next:", highlight=False)
    out.out(_what_next(), highlight=False)
    if not result:
        raise typer.Exit(1)


def _what_next() -> str:
    call = how_to_call()
    first = "make up" if call != "tasador" else "tasador up"
    lines = {
        first: "run the same parts until Ctrl-C; then, from a second terminal:",
        f"{call} publish --sample 100": "publish listings",
        f"{call} tail predictions": "see what they are worth",
        f"{call} status": "see how the system does",
        f"{call} reload --wait": "put the champion back in charge",
    }
    width = max(map(len, lines)) + 2
    return "\n".join(f"  {command:<{width}}{what}" for command, what in lines.items())


def _tell(line: str) -> None:
    err.print(line, highlight=False, markup=False, soft_wrap=True)
