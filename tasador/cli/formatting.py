"""Formats values from streams for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from transport.entries import EntryId

_ALL_DIGITS_FROM = 1000


def printable(value: object, limit: int = 80) -> str:
    """One line of at most `limit` characters; characters that could move a terminal's cursor are escaped."""
    text = str(value)
    shown = text if text.isprintable() else text.encode("unicode_escape").decode()
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def significant(value: float) -> str:
    """A figure with three significant digits, or all digits before the point."""
    return f"{value:,.0f}" if abs(value) >= _ALL_DIGITS_FROM else f"{value:.3g}"


def format_entry_time(entry: str | bytes) -> str:
    """When an entry of a name was written, in local time; without the date if it was written today.

    The name itself, if the publisher chose one that is no time.
    """
    entry = entry.decode() if isinstance(entry, bytes) else entry
    try:
        written = datetime.fromtimestamp(EntryId.of_name(entry).ms / 1000, UTC).astimezone()
    except (ValueError, OverflowError, OSError):
        return entry
    text = written.isoformat(sep=" ", timespec="milliseconds")
    return text[11:23] if written.date() == datetime.now(written.tzinfo).date() else text[:23]


def format_time(time: datetime) -> str:
    """A moment in local time, to the second."""
    return time.astimezone().isoformat(sep=" ", timespec="seconds")[:19]
