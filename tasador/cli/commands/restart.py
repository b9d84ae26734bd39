"""`tasador restart`: restarts one process of the running system."""

from __future__ import annotations

from typing import Annotated

import typer

from schemas.settings import load_settings
from tasador.cli.completions import complete_part
from tasador.cli.options import DomainOption
from tasador.cli.terminal import print_line
from tasador.machine.requests import find_label, restart_process
from tasador.machine.running_system import require_running_system

EXAMPLE = "tasador restart housing/consumer-1"

_TIMEOUT_S = 120.0


def restart(
    part: Annotated[
        str,
        typer.Argument(
            metavar="PART",
            help="A process, such as housing/trainer, or trainer if only one has it.",
            autocompletion=complete_part,
        ),
    ],
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0, help="Seconds to wait until it is ready.")
    ] = _TIMEOUT_S,
    domain: DomainOption = None,
) -> None:
    """Restart a process of `tasador up`, for example after a change of params.yaml; returns when it is ready again.

    It finishes what it is doing and starts under the same name, so no listing is lost. A process that does not stop
    within 20 s is killed. The configuration is checked before anything stops.
    """
    home = load_settings().home
    label = find_label(part, require_running_system(home).parts, domain)
    load_settings(domain=label.partition("/")[0]).load_domain()
    restart_process(home, label, timeout_s)
    print_line(f"{label} was restarted and is ready")
