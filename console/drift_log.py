"""What the monitor wrote over time: reports about drift and quality, and verdicts on rollouts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import Any

import redis
from pydantic import ValidationError

from schemas.drift import DriftEvent, DriftReport
from schemas.quality import QualityEvent, QualityReport
from schemas.rollout_report import LoggedVerdict, RolloutVerdict
from schemas.streams import DATA_FIELD, Streams
from transport.entries import EntryId
from transport.reading import scan_back

_LOOKED_AT = 400
_SHOWN = 48


@dataclass(frozen=True, slots=True)
class ReportLog:
    """Reports with the times at which they were written, in ms, oldest first."""

    drift: tuple[tuple[int, DriftReport], ...] = ()
    quality: tuple[tuple[int, QualityReport], ...] = ()


def read_verdicts(client: redis.Redis, streams: Streams, rollout: str) -> list[tuple[int, RolloutVerdict]]:
    """The verdicts on one rollout with the times at which they were logged, in ms, oldest first.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    entries: Any = client.xrange(streams.rollout_verdicts, min=rollout)
    logged = [(EntryId.parse(at).ms, LoggedVerdict.model_validate_json(fields[DATA_FIELD])) for at, fields in entries]
    return [(at_ms, each.verdict) for at_ms, each in logged if each.rollout == rollout]


def read_reports(client: redis.Redis, streams: Streams) -> ReportLog:
    """The newest reports of each kind.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    drift: list[tuple[int, DriftReport]] = []
    quality: list[tuple[int, QualityReport]] = []
    for entry_id, fields in islice(scan_back(client, streams.drift), _LOOKED_AT):
        payload, at_ms = fields.get(DATA_FIELD, b""), EntryId.parse(entry_id).ms
        try:
            kind = json.loads(payload)["type"]
            if kind == "drift.reported" and len(drift) < _SHOWN:
                drift.append((at_ms, DriftEvent.model_validate_json(payload).data))
            elif kind == "quality.reported" and len(quality) < _SHOWN:
                quality.append((at_ms, QualityEvent.model_validate_json(payload).data))
        except (ValueError, KeyError, TypeError, ValidationError):
            continue  # a client may have added anything
    return ReportLog(tuple(drift[::-1]), tuple(quality[::-1]))
