"""`tasador console`: serves the web page on which operators watch and steer."""

from __future__ import annotations

from typing import Annotated

import typer

from tasador.cli.completions import complete_domain
from tasador.cli.names import default_name
from tasador.cli.options import DomainOption, NameOption
from tasador.machine.running_system import find_settings

EXAMPLE = "tasador console --port 8080"
PORT = 8080


def console(
    domains: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DOMAIN]...",
            help="Domains to show, the first one first.",
            show_default="all of params.yaml",
            autocompletion=complete_domain,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens; 0 picks a free one.")] = PORT,
    name: NameOption = None,
    domain: DomainOption = None,
) -> None:
    """Serve the web page on which operators watch and steer, until SIGTERM or Ctrl-C.

    Everyone on this machine may look; who acts logs in with an operator's key
    (`tasador keys add NAME --role operator`).
    Without a key it listens on loopback alone. --domain shows one domain.
    """
    settings = find_settings(domain)
    names = tuple(domains or ()) or ((domain,) if domain else tuple(settings.domains) or (settings.domain,))
    from console.app import run_console

    run_console([settings.for_domain(each) for each in names], name or default_name(port), port)
