"""The gateway and the console of a system: one process of each for all domains, started again when these change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from schemas.settings import Settings
from tasador.machine.home import process_environment
from tasador.machine.log_files import log_folder
from tasador.machine.process_group import ProcessGroup
from tasador.machine.processes import ManagedProcess

WEB_PORTS = {"gateway": 8000, "console": 8080}
"""The port that each takes if it is free."""


def start_web(
    processes: ProcessGroup, settings: Settings, domains: Sequence[str], unique: Callable[[str], str]
) -> None:
    """Start gateway and console of these domains, instead of those that run.

    `unique` makes a name of a process that no other machine has.
    """
    for command, port in WEB_PORTS.items():
        processes.stop_command(command)
        if domains:
            process = ManagedProcess(
                "",
                command,
                unique(command),
                logs=log_folder(settings.home),
                host=settings.host,
                environment=process_environment(settings),
                words=domains,
                port=port,
            )
            processes.start(process)
