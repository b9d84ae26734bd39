"""`tasador quality`: how good predictions were, as far as outcomes tell."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from operations.reports import newest_report
from schemas.errors import NothingReportedError
from schemas.quality import QualityEvent
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import out, write_json
from tasador.cli.views.quality import quality_tables
from tasador.machine.running_system import find_settings, open_redis, redis_url
from transport.connection import speaking_to

EXAMPLE = "tasador quality --span 7d"


class SpanName(StrEnum):
    """A rolling window that can be asked for."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


def quality(
    span: Annotated[SpanName, typer.Option("--span", help="Of which the parts are shown.")] = SpanName.DAY,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show error, bias, accuracy and how many have an outcome: over 24 hours, 7 and 30 days, by version and segment."""
    settings = find_settings(domain)
    with speaking_to(redis_url(settings)), open_redis(settings) as client:
        found = newest_report(client, settings.streams, "quality.reported")
    if found is None:
        raise NothingReportedError("no quality report yet: `tasador monitor` writes them")
    event = QualityEvent.model_validate_json(found)
    if as_json:
        write_json(event.data.model_dump(mode="json"))
        return
    out.print(f"as of {event.time.astimezone().isoformat(sep=' ', timespec='seconds')}", highlight=False)
    out.print(quality_tables(event.data, span.value))
