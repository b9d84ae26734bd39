"""`tasador monitor`: watch one domain, as in production."""

from __future__ import annotations

from tasador.cli.names import default_name
from tasador.cli.options import DomainOption, NameOption, PortOption
from tasador.machine.running_system import find_settings

EXAMPLE = "tasador monitor --name m1 --port 8003"
PORT = 8003


def monitor(port: PortOption = PORT, name: NameOption = None, domain: DomainOption = None) -> None:
    """Watch one domain until SIGTERM or Ctrl-C: whether recent rows drift from what the active model was trained on."""
    settings = find_settings(domain)
    from monitoring.monitor.app import run_monitor
    from tasador.machine.reference import table_loader

    run_monitor(settings, name or default_name(port), port, table_loader(settings))
