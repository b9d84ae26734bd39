"""The gateway of a system: one process for all its domains, started again when they change."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.settings import Settings
from tasador.machine.home import process_environment
from tasador.machine.log_files import log_folder
from tasador.machine.process_group import ProcessGroup
from tasador.machine.processes import ManagedProcess

GATEWAY = "gateway"
PORT = 8000
"""The port that it takes if it is free."""


def start_gateway(processes: ProcessGroup, settings: Settings, domains: Sequence[str], name: str) -> None:
    """Start the gateway of these domains, instead of the one that runs."""
    processes.stop_command(GATEWAY)
    if domains:
        gateway = ManagedProcess(
            "",
            GATEWAY,
            name,
            logs=log_folder(settings.home),
            host=settings.host,
            environment=process_environment(settings),
            words=domains,
            port=PORT,
        )
        processes.start(gateway)
