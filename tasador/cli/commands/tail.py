"""`tasador tail`: shows the newest events of a stream, then follows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import redis
import typer

from schemas.decoding import payload_of
from schemas.errors import RefusedListingError
from schemas.streams import Streams
from service.collector import calm_collector
from tasador.cli.event_file import EventFile
from tasador.cli.formatting import format_entry_time, printable
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_line, write_json
from tasador.cli.views.events import dead_letter_line, model_event_line, prediction_line, repeat_line
from tasador.machine.running_system import find_settings, open_redis
from transport.entries import EntryId
from transport.reading import RawEntry, follow, newest, scan

EXAMPLE = "tasador tail predictions -n 20"


StreamName = Literal["predictions", "dead-letters", "model-events", "repeats", "rate-limited"]


def tail(
    stream: Annotated[StreamName, typer.Argument(help="Stream to follow.")],
    from_start: Annotated[bool, typer.Option("--from-start", help="Start with the oldest entry.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Start with the last N entries.")] = 10,
    is_following: Annotated[bool, typer.Option("--follow/--no-follow", help="Wait for new entries.")] = True,
    file: Annotated[
        Path | None, typer.Option("--out", help="Append JSON lines to this file, continuing after its last entry.")
    ] = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the newest events of a stream, then follow it until Ctrl-C.

    The stream need not exist yet. With --json each line is an event with its entry id. A file of --out always holds
    whole events; a new file starts with the same events that the terminal would show.
    """
    calm_collector()
    settings = find_settings(domain)
    key, format_event = _stream(settings.streams, stream)
    with ExitStack() as stack:
        events = stack.enter_context(EventFile(file)) if file is not None else None
        stack.enter_context(suppress(KeyboardInterrupt))
        client = stack.enter_context(open_redis(settings))
        after = events.last_entry if events else None
        for entry in _entries(client, key, None if from_start else lines, after, is_following=is_following):
            if events:
                events.add(_document(entry))
            elif as_json:
                write_json(_document(entry))
            else:
                _show_line(entry, format_event)


def _entries(
    client: redis.Redis, key: str, lines: int | None, after: str | None, *, is_following: bool
) -> Iterator[RawEntry]:
    """The last entries (all if `lines` is None; those after the id `after` if it is given), then new ones."""
    last = newest(client, key, max(lines or 0, 1))
    end = last[0][0].decode() if last else "0-0"
    if after is not None:
        shown = scan(client, key, f"({after}", end)
        end = max(after, end, key=EntryId.parse)
    else:
        shown = scan(client, key, last=end) if lines is None else reversed(last[:lines])
    return chain(shown, follow(client, key, end) if is_following else ())


def _stream(streams: Streams, name: StreamName) -> tuple[str, Callable[[bytes], str]]:
    """The stream's key, and the function that formats its events."""
    return {
        "predictions": (streams.predictions, prediction_line),
        "dead-letters": (streams.dead_letters, dead_letter_line),
        "model-events": (streams.model_events, model_event_line),
        "repeats": (streams.repeats, repeat_line),
        "rate-limited": (streams.rate_limited, dead_letter_line),
    }[name]


def _document(entry: RawEntry) -> dict[str, Any]:
    entry_id, fields = entry
    try:
        event = json.loads(payload_of(fields))
    except (RefusedListingError, ValueError):
        event = {"unreadable": str(fields)}
    return {"entry_id": entry_id.decode(), **event}


def _show_line(entry: RawEntry, format_event: Callable[[bytes], str]) -> None:
    entry_id, fields = entry
    try:
        line = format_event(payload_of(fields))
    except (RefusedListingError, ValueError):
        line = f"not an event of this stream: {printable(fields)}"
    print_line(f"{format_entry_time(entry_id)}  {entry_id.decode():<16}  {line}")
