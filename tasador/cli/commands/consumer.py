"""`tasador consumer`: runs one consumer."""

from __future__ import annotations

from tasador.cli.names import default_name
from tasador.cli.options import DomainOption, NameOption, PortOption
from tasador.machine.running_system import find_settings

EXAMPLE = "tasador consumer --name a1 --port 8001"
PORT = 8001


def consumer(port: PortOption = PORT, name: NameOption = None, domain: DomainOption = None) -> None:
    """Run one consumer until SIGTERM or Ctrl-C.

    Consumers of a domain share the listings. If one crashes, the next consumer of its name recovers its pending
    entries, or the others claim them.
    """
    settings = find_settings(domain)
    from consumer.app import run_consumer

    run_consumer(settings, name or default_name(port), port)
