"""Moments as operators write them: how long ago, a time, or an entry id. One parser for every command."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.errors import DataError
from transport.entries import EntryId

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|m|h|d)")
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_ENTRY_ID = re.compile(r"\d+(?:-\d+)?")


def parse_moment(text: str, now_ms: int) -> EntryId:
    """The first entry id of a moment: ``15min`` ago, ``2026-11-20T12:00:00Z``, or an entry id.

    Args:
        text: a duration (ms, s, m or min, h, d), an ISO 8601 time (UTC where it has no offset), or an entry id.
        now_ms: Redis's clock.

    Raises:
        DataError: the text is none of these.
    """
    if found := _DURATION.fullmatch(text):
        return EntryId(max(now_ms - int(float(found[1]) * _UNIT_MS[found[2]]), 0), 0)
    if is_entry_id(text):
        return EntryId.parse(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{text!r} is no moment: use 15min, 2h or 7d, an ISO time in UTC, or an entry id") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return EntryId(max(int(moment.timestamp() * 1000), 0), 0)


def parse_duration(text: str) -> float:
    """A time such as ``15min``, ``12h`` or ``7d``, in s.

    Raises:
        DataError: the text is none, or it is 0.
    """
    found = _DURATION.fullmatch(text)
    if found is None or not float(found[1]):
        raise DataError(f"{text!r} is no time: use 15min, 12h or 7d")
    return float(found[1]) * _UNIT_MS[found[2]] / 1000


def parse_deadline(text: str, now_ms: int) -> datetime:
    """A moment to come: ``7d`` from now, or an ISO 8601 time (UTC where it has no offset).

    Args:
        text: a duration (ms, s, m or min, h, d) or a time.
        now_ms: Redis's clock.

    Raises:
        DataError: the text is neither.
    """
    if found := _DURATION.fullmatch(text):
        return datetime.fromtimestamp((now_ms + int(float(found[1]) * _UNIT_MS[found[2]])) / 1000, UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{text!r} is no time to come: use 15min, 12h or 7d, or an ISO time in UTC") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_range(since: str | None, until: str | None, now_ms: int) -> tuple[str, str]:
    """First and last id for `XRANGE` from one moment to another; the whole stream where neither is given.

    Raises:
        DataError: as `parse_moment`.
    """
    first = str(parse_moment(since, now_ms)) if since else "-"
    if until is None or not until:
        return first, "+"
    last = parse_moment(until, now_ms)
    # an id without its second part stands for its whole millisecond
    return first, str(last) if "-" in until and is_entry_id(until) else str(last.ms)


def is_entry_id(text: str) -> bool:
    """Whether it is an entry id, with or without its second part."""
    return _ENTRY_ID.fullmatch(text) is not None
