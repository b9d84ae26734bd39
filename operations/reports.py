"""Finds the newest report that the monitor wrote about drift or quality."""

from __future__ import annotations

import json
from typing import TypeVar

import redis

from schemas.command_line import spell_command
from schemas.drift import DriftEvent
from schemas.errors import NothingReportedError
from schemas.quality import QualityEvent
from schemas.streams import DATA_FIELD, Streams
from transport.reading import scan_back

Report = TypeVar("Report", DriftEvent, QualityEvent)


def newest_report(client: redis.Redis, streams: Streams, event: type[Report], domain: str) -> Report:
    """The newest report of a kind on a domain.

    Raises:
        NothingReportedError: the monitor has written none.
    """
    event_type = event.model_fields["type"].default
    for _, fields in scan_back(client, streams.drift):
        if json.loads(fields[DATA_FIELD])["type"] == event_type:
            return event.model_validate_json(fields[DATA_FIELD])
    kind, monitor = event_type.partition(".")[0], spell_command("monitor", domain)
    raise NothingReportedError(f"no {kind} report yet: `{monitor}` writes them")
