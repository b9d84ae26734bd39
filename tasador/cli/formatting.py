"""How what lies in streams is shown on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from transport.entries import EntryId


def plain(value: object, limit: int = 80) -> str:
    """What a stranger wrote, on one line: characters that could move a terminal's cursor are escaped."""
    text = str(value)
    shown = text if text.isprintable() else text.encode("unicode_escape").decode()
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def clock(entry_id: str | bytes) -> str:
    """When an entry was written, in local time: the time for today's, else with its date."""
    written = datetime.fromtimestamp(EntryId.parse(entry_id).ms / 1000, UTC).astimezone()
    text = written.isoformat(sep=" ", timespec="milliseconds")
    return text[11:23] if written.date() == datetime.now(written.tzinfo).date() else text[:23]
