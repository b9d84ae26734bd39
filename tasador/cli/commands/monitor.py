"""`tasador monitor`: runs one monitor."""

from __future__ import annotations

from tasador.cli.names import default_name
from tasador.cli.options import DomainOption, NameOption, PortOption
from tasador.machine.running_system import find_settings

EXAMPLE = "tasador monitor --name m1 --port 8003"
PORT = 8003


def monitor(port: PortOption = PORT, name: NameOption = None, domain: DomainOption = None) -> None:
    """Run one monitor until SIGTERM or Ctrl-C: drift, prediction quality, the audit log, and automatic retraining."""
    settings = find_settings(domain)
    from monitoring.monitor.app import run_monitor
    from tasador.machine.reference import reference_loader

    run_monitor(settings, name or default_name(port), port, reference_loader(settings))
