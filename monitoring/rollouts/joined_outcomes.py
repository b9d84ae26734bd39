"""Finds the outcomes of listings that have been joined with their predictions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import redis.asyncio

from monitoring.outcomes.prediction_index import DAY_MS
from schemas.quality import ALL, ARM_PREFIX, VERSION_PREFIX
from schemas.streams import Streams


class JoinedOutcome(NamedTuple):
    """An outcome, in the target's unit or as a class name, and the parts of segments to which its listing belongs."""

    value: float | str
    parts: tuple[str, ...]


async def find_outcomes(
    client: redis.asyncio.Redis, streams: Streams, predicted: Iterable[tuple[str, int]]
) -> Mapping[str, JoinedOutcome]:
    """The outcomes that are there, by the name of the listing's entry.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        predicted: names of listings' entries (`schemas.shards.entry_name`), each with the time of its prediction in ms.
    """
    by_day: dict[int, list[str]] = {}
    for entry, at_ms in predicted:
        by_day.setdefault(at_ms // DAY_MS, []).append(entry)
    found: dict[str, JoinedOutcome] = {}
    for day, entries in by_day.items():
        stored: Any = await client.hmget(streams.joined_outcomes(day), entries)
        for entry, text in zip(entries, stored, strict=True):
            if text is not None:
                record = json.loads(text)
                segments = tuple(part for part in record["parts"] if _is_segment(part))
                found[entry] = JoinedOutcome(record["outcome"], segments)
    return found


def _is_segment(part: str) -> bool:
    return part != ALL and not part.startswith((VERSION_PREFIX, ARM_PREFIX))
