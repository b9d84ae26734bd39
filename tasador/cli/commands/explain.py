"""`tasador explain`: shows why a listing got its prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.pages import write_page
from tasador.cli.terminal import stdout, write_json
from tasador.machine.running_system import find_settings, open_redis

EXAMPLE = "tasador explain listing-17 --html why.html"

HtmlOption = Annotated[Path | None, typer.Option(help="Also write an HTML page to this file.")]


def explain(
    listing: Annotated[str, typer.Argument(metavar="LISTING_ID", help="The listing's id.")],
    source: Annotated[str | None, typer.Option(help="The listing's source.", show_default="any")] = None,
    html: HtmlOption = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show why a listing got its prediction: what each feature adds to it.

    The explanation comes from the stream of explanations; if there is none, it is computed now, from the listing on its
    stream or in the audit log, with the version that predicted.
    """
    settings = find_settings(domain)
    from explainer.on_demand import explain_listing
    from explainer.page import explanation_page
    from tasador.cli.views.explanation import explanation_chart

    with open_redis(settings) as client:
        event = explain_listing(client, settings, settings.load_domain(), listing, source)
    title = f"Listing {event.data.listing_id}"
    if html is not None:
        write_page(html, explanation_page(event.data, title))
    if as_json:
        write_json(event.model_dump(mode="json", exclude_none=True))
    else:
        stdout.print(explanation_chart(event.data, title))
