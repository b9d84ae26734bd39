"""`tasador explainer`: runs one explainer."""

from __future__ import annotations

from tasador.cli.names import default_name
from tasador.cli.options import DomainOption, NameOption, PortOption
from tasador.machine.running_system import find_settings

EXAMPLE = "tasador explainer --name x1 --port 8004"
PORT = 8004


def explainer(port: PortOption = PORT, name: NameOption = None, domain: DomainOption = None) -> None:
    """Run one explainer until SIGTERM or Ctrl-C: it answers the requests for explanations that consumers write.

    Explainers of a domain share the requests. If one crashes, the next one of its name recovers its pending requests,
    or the others claim them.
    """
    settings = find_settings(domain)
    from explainer.app import run_explainer

    run_explainer(settings, name or default_name(port), port)
