"""`tasador explain`: shows why a listing got its prediction, and the weight of each feature of late."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import ExplanationError
from schemas.settings import Settings
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.pages import write_page
from tasador.cli.terminal import stdout, write_json
from tasador.machine.running_system import find_settings, open_redis

EXAMPLE = "tasador explain listing-17 --html why.html"
MOVED = 3
"""The exit code if the weight of a feature has moved."""


def explain(
    listing: Annotated[str | None, typer.Argument(metavar="LISTING_ID", help="The listing's id.")] = None,
    source: Annotated[str | None, typer.Option(help="The listing's source.", show_default="any")] = None,
    html: Annotated[Path | None, typer.Option(help="Also write an HTML page to this file.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FEATURE=VALUE", help="What if: a feature's other value; empty if it is missing."
        ),
    ] = None,
    is_global: Annotated[bool, typer.Option("--global", help="Show the weight of each feature of late.")] = False,
    last: Annotated[int, typer.Option(min=1, help="With --global: the newest explanations to look at.")] = 500,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show why a listing got its prediction: what each feature adds to it.

    The explanation comes from the stream of explanations; if there is none, it is computed now, from the listing on its
    stream or in the audit log, with the version that predicted.

    With --set, which may be repeated, it shows what the active model would answer if features had other values.
    Nothing is published.

    With --global, the exit code is 3 if the weight of a feature has moved since training.
    """
    if is_global != (listing is None) or (is_global and (html is not None or changes)):
        raise typer.BadParameter("name a listing, or use --global, which has neither --html nor --set")
    settings = find_settings(domain)
    if listing is None:
        _show_weights(settings, last, as_json=as_json)
    elif changes:
        _show_what_if(settings, listing, source, changes, html, as_json=as_json)
    else:
        _show_explanation(settings, listing, source, html, as_json=as_json)


def _show_explanation(
    settings: Settings, listing: str, source: str | None, html: Path | None, *, as_json: bool
) -> None:
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


def _show_what_if(
    settings: Settings, listing: str, source: str | None, changes: list[str], html: Path | None, *, as_json: bool
) -> None:
    from explainer.finding import find_predicted_row
    from explainer.on_demand import find_desired
    from explainer.page import explanation_page
    from explainer.what_if import answer_here, changed_listing, model_to_ask
    from tasador.cli.views.explanation import what_if_chart

    values = dict(_feature_and_value(each) for each in changes)
    domain = settings.load_domain()
    with open_redis(settings) as client:
        row = find_predicted_row(client, settings, domain, listing, source)
        model = model_to_ask(find_desired(client, settings), settings)
    would_be = answer_here(settings, domain, changed_listing(domain, row, values), model)
    if as_json:
        write_json(would_be.model_dump(mode="json", exclude_unset=True))
    prediction, explanation = would_be.prediction, would_be.explanation
    if prediction is None or explanation is None:
        raise ExplanationError(would_be.why_not)
    changed = ", ".join(f"{name} = {text or 'missing'}" for name, text in values.items())
    title = f"Listing {listing}, if {changed}"
    if html is not None:
        write_page(html, explanation_page(explanation, title))
    if not as_json:
        stdout.print(what_if_chart(explanation, prediction, row.data, title))


def _feature_and_value(change: str) -> tuple[str, str]:
    name, separator, text = change.partition("=")
    if not separator:
        raise typer.BadParameter(f"{change!r} is not FEATURE=VALUE", param_hint="--set")
    return name.strip(), text.strip()


def _show_weights(settings: Settings, last: int, *, as_json: bool) -> None:
    from explainer.weights import read_weights
    from tasador.cli.views.weights import weights_table

    with open_redis(settings) as client:
        report = read_weights(client, settings, settings.load_domain(), last)
    if as_json:
        write_json(report.model_dump(mode="json"))
    else:
        stdout.print(weights_table(report))
    if report.moved:
        raise typer.Exit(MOVED)
