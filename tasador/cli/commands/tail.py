"""`tasador tail`: shows the newest events of a stream, then follows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import redis
import typer

from schemas.decoding import payload_of
from schemas.errors import RefusedListingError
from service.collector import calm_collector
from tasador.cli.event_file import EventFile
from tasador.cli.formatting import format_entry_time, printable
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_line, write_json
from tasador.cli.views.events import dead_letter_line, model_event_line, prediction_line, repeat_line
from tasador.machine.running_system import find_settings, open_redis
from transport.entries import EntryId
from transport.reading import newest
from transport.sharded_reading import KeyOf, ReadShards, ShardEntry, follow_shards, scan_shards
from transport.watched_shards import WatchedShards

EXAMPLE = "tasador tail predictions -n 20"


StreamName = Literal["predictions", "dead-letters", "model-events", "repeats", "rate-limited"]
_STREAMS: dict[StreamName, tuple[KeyOf, Callable[[bytes], str]]] = {
    "predictions": (lambda shard: shard.predictions, prediction_line),
    "dead-letters": (lambda shard: shard.dead_letters, dead_letter_line),
    "model-events": (lambda shard: shard.model_events, model_event_line),
    "repeats": (lambda shard: shard.repeats, repeat_line),
    "rate-limited": (lambda shard: shard.rate_limited, dead_letter_line),
}


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
    key_of, format_event = _STREAMS[stream]
    with ExitStack() as stack:
        events = stack.enter_context(EventFile(file)) if file is not None else None
        stack.enter_context(suppress(KeyboardInterrupt))
        client = stack.enter_context(open_redis(settings))
        read_shards = WatchedShards(client, settings.streams).read
        if stream == "model-events":
            # the domain's own stream
            read_shards = partial(tuple, [settings.streams])
        after = events.positions(len(read_shards())) if events else {}
        count = None if from_start else lines
        for entry in _entries(client, read_shards, key_of, count, after, is_following=is_following):
            if events:
                events.add(_document(entry))
            elif as_json:
                write_json(_document(entry))
            else:
                _show_line(entry, format_event)


def _entries(
    client: redis.Redis,
    read_shards: ReadShards,
    key_of: KeyOf,
    lines: int | None,
    after: Mapping[int, str],
    *,
    is_following: bool,
) -> Iterator[ShardEntry]:
    """The last entries (all if `lines` is None; those after the ids `after` if there are any), then new ones."""
    shards = read_shards()
    last = {shard.shard: newest(client, key_of(shard), max(lines or 0, 1)) for shard in shards}
    ends = {shard: entries[0][0].decode() if entries else "0-0" for shard, entries in last.items()}
    if after:
        begin = {shard: after.get(shard, "0-0") for shard in ends}
        shown = scan_shards(client, shards, key_of, {shard: (f"({begin[shard]}", end) for shard, end in ends.items()})
        ends = {shard: max(begin[shard], end, key=EntryId.parse) for shard, end in ends.items()}
    elif lines is None:
        shown = scan_shards(client, shards, key_of, {shard: ("-", end) for shard, end in ends.items()})
    else:
        entries = [ShardEntry(shard, *entry) for shard, found in last.items() for entry in found]
        entries.sort(key=lambda entry: EntryId.parse(entry.entry_id))
        shown = iter(entries[len(entries) - min(lines, len(entries)) :])
    return chain(shown, follow_shards(client, read_shards, key_of, ends) if is_following else ())


def _document(entry: ShardEntry) -> dict[str, Any]:
    try:
        event = json.loads(payload_of(entry.fields))
    except (RefusedListingError, ValueError):
        event = {"unreadable": str(entry.fields)}
    return {"entry_id": entry.name, **event}


def _show_line(entry: ShardEntry, format_event: Callable[[bytes], str]) -> None:
    try:
        line = format_event(payload_of(entry.fields))
    except (RefusedListingError, ValueError):
        line = f"not an event of this stream: {printable(entry.fields)}"
    print_line(f"{format_entry_time(entry.entry_id)}  {entry.name:<16}  {line}")
