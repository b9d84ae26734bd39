"""`tasador trainer`: runs one training worker."""

from __future__ import annotations

from tasador.cli.names import default_name
from tasador.cli.options import DomainOption, NameOption, PortOption
from tasador.machine.running_system import find_settings

EXAMPLE = "tasador trainer --name t1 --port 8002"
PORT = 8002


def trainer(port: PortOption = PORT, name: NameOption = None, domain: DomainOption = None) -> None:
    """Run one training worker until SIGTERM or Ctrl-C.

    It executes reload, retrain, promote and rollback commands, and activates the registry's champion when it changes.
    """
    settings = find_settings(domain)
    from training.worker.app import run_trainer

    run_trainer(settings, name or default_name(port), port)
