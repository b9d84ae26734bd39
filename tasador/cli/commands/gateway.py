"""`tasador gateway`: serves HTTP in front of the streams."""

from __future__ import annotations

from typing import Annotated

import typer

from tasador.cli.completions import complete_domain
from tasador.cli.names import default_name
from tasador.cli.options import DomainOption, NameOption
from tasador.machine.running_system import find_settings

EXAMPLE = "tasador gateway --port 8000"
PORT = 8000


def gateway(
    domains: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DOMAIN]...",
            help="Domains to serve, the first one also without its name in the path.",
            show_default="all of params.yaml",
            autocompletion=complete_domain,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="For every route; 0 picks a free one.")] = PORT,
    name: NameOption = None,
    domain: DomainOption = None,
) -> None:
    """Serve predictions over HTTP until SIGTERM or Ctrl-C: a client of the streams, with no model of its own.

    Without an API key (`tasador keys add`) it listens on loopback alone. --domain serves one domain.
    """
    settings = find_settings(domain)
    names = tuple(domains or ()) or ((domain,) if domain else tuple(settings.domains) or (settings.domain,))
    from gateway.app import run_gateway

    run_gateway([settings.for_domain(each) for each in names], name or default_name(port), port)
