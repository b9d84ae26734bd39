"""`tasador quality`: shows the newest quality report."""

from __future__ import annotations

from typing import Annotated

import typer

from operations.reports import newest_report
from schemas.quality import QualityEvent, Span
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_line, stdout, write_json
from tasador.cli.views.quality import quality_tables
from tasador.machine.running_system import find_settings, open_redis

EXAMPLE = "tasador quality --span 7d"


def quality(
    span: Annotated[Span, typer.Option("--span", help="Window to show by version and segment.")] = "24h",
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how predictions compare with outcomes over 24 hours, 7 and 30 days, by version and segment."""
    settings = find_settings(domain)
    with open_redis(settings) as client:
        event = newest_report(client, settings.streams, QualityEvent, settings.domain)
    if as_json:
        write_json(event.data.model_dump(mode="json"))
        return
    print_line(f"as of {event.time.astimezone().isoformat(sep=' ', timespec='seconds')}")
    stdout.print(quality_tables(event.data, span, settings.load_domain().target.unit))
