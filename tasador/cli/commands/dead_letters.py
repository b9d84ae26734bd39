"""`tasador dead-letters`: lists, shows, replays or drops dead letters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from operations.command_sender import current_actor
from operations.dead_letters import DeadLetters, KeptLetter
from producer.correction import Correction
from schemas.errors import DeadLetterError
from schemas.refusals import Reason
from tasador.cli.formatting import format_entry_time, printable
from tasador.cli.options import MOMENT, DomainOption, JsonOption
from tasador.cli.replaying import Replayer
from tasador.cli.terminal import print_line, print_note, stdout, write_json
from tasador.cli.views.events import first_error
from tasador.machine.running_system import find_settings, open_redis

EXAMPLE = "tasador dead-letters list --reason out_of_range"

app = typer.Typer(help="List, show, replay or drop dead letters.", no_args_is_help=True)

RateLimitedOption = Annotated[bool, typer.Option("--rate-limited", help="Use the stream of rate-limited listings.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Entry ids of dead letters, as `list` shows them.")]


@app.command("list", epilog=f"Example: {EXAMPLE}")
def list_(
    reason: Annotated[Reason | None, typer.Option(help="Only this reason.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Show at most this many.")] = 20,
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first."""
    with _letters(domain, is_rate_limited=is_rate_limited or reason is Reason.RATE_LIMITED) as letters:
        listed = list(islice(letters.newest(reason), count))
    if as_json:
        write_json([_document(letter) for letter in listed])
        return
    table = Table("ENTRY", "WHEN", "LISTING", "REASON", "FIRST ERROR", box=None, pad_edge=False)
    for letter in listed:
        data = letter.event.data
        row = (
            letter.entry_id,
            format_entry_time(letter.entry_id),
            data.listing_id or "-",
            data.reason,
            first_error(letter.event),
        )
        table.add_row(*(Text(printable(each)) for each in row))
    stdout.print(table if listed else "no dead letters")


@app.command(epilog="Example: tasador dead-letters show 1795219101518-0")
def show(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="Entry id of a dead letter.")],
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a dead letter with its payload."""
    with _letters(domain, is_rate_limited=is_rate_limited) as letters:
        letter = letters.read(entry_id)
    if as_json:
        write_json(_document(letter))
        return
    data = letter.event.data
    rows = {
        "entry": letter.entry_id,
        "refused": letter.event.time.isoformat(),
        "by": f"{data.consumer}, delivery {data.delivery_count}",
        "listing": f"{data.listing_id or '-'} of {data.listing_source or '-'}, entry {letter.event.id}",
        "reason": data.reason,
        **{f"error {n}": f"{e.field}: {e.message}" if e.field else e.message for n, e in enumerate(data.errors, 1)},
        "payload": f"{data.payload_bytes} bytes, sha256 {data.payload_sha256}, {data.payload_encoding}",
    }
    for name, value in rows.items():
        print_line(f"{name:<9} {printable(value, 400)}")
    print_line(printable(data.payload or "(gone)", 1_000_000))


@app.command(epilog="Example: tasador dead-letters replay --reason out_of_range --since 2h --set RM=6.5")
def replay(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Entry ids of dead letters, as `list` shows them.")
    ] = None,
    *,
    reason: Annotated[Reason | None, typer.Option(help="Replay all with this reason.")] = None,
    source: Annotated[str | None, typer.Option(help="Replay all whose listing has this source.")] = None,
    since: Annotated[str | None, typer.Option(help=f"Replay all refused since then. {MOMENT}")] = None,
    until: Annotated[str | None, typer.Option(help="Replay all refused until then.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set a feature, id or source first.")
    ] = None,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Show what would be replayed; change nothing.")] = False,
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish the payloads of dead letters as new listings, and delete the dead letters.

    Each replay is atomic: after a crash a listing is either a dead letter or published, never both or neither. Several
    of --reason, --source, --since and --until must all match. A dead letter stays if its payload is incomplete, or if a
    corrected payload is still invalid.
    """
    is_selecting = any(each is not None for each in (reason, source, since, until))
    if bool(ids) == is_selecting:
        raise typer.BadParameter("name entry ids, or select with --reason, --source, --since or --until")
    settings = find_settings(domain)
    correction = Correction(settings.load_domain(), settings.limits, assignments) if assignments else None
    with _letters(domain, is_rate_limited=is_rate_limited or reason is Reason.RATE_LIMITED) as letters:
        selected = ids or (letter.entry_id for letter in letters.select(reason, source, since, until))
        replayer = Replayer(letters, correction, current_actor(), is_dry=is_dry)
        _resolve_each(selected, replayer.replay, "replayable" if is_dry else "replayed", as_json=as_json)


@app.command(epilog="Example: tasador dead-letters drop 1795219101518-0 --yes")
def drop(
    ids: Ids,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete dead letters with their payloads, for good."""
    if not is_sure:
        typer.confirm(f"Drop {len(ids)} dead letter{'s' if len(ids) > 1 else ''} for good?", abort=True, err=True)

    with _letters(domain, is_rate_limited=is_rate_limited) as letters:

        def drop_one(entry_id: str) -> None:
            letters.drop(entry_id, current_actor())

        _resolve_each(ids, drop_one, "dropped", as_json=as_json)


@contextmanager
def _letters(domain: str | None, *, is_rate_limited: bool) -> Iterator[DeadLetters]:
    settings = find_settings(domain)
    with open_redis(settings) as client:
        yield DeadLetters(client, settings.streams, settings.retention.answers, is_rate_limited=is_rate_limited)


def _resolve_each(ids: Iterable[str], resolve: Callable[[str], str | None], done: str, *, as_json: bool) -> None:
    """Resolve each dead letter and print the result; raise DeadLetterError at the end if one failed."""
    count = failed = 0
    for entry_id in ids:
        count += 1
        try:
            entry = resolve(entry_id)
        except DeadLetterError as error:
            failed += 1
            if as_json:
                write_json({"entry_id": entry_id, "error": str(error)})
            else:
                print_note(str(error))
            continue
        if as_json:
            write_json({"entry_id": entry_id, done: True, "listing": entry})
        else:
            print_line(f"{done} {entry_id}" + (f" as listing {entry}" if entry else ""))
    if failed:
        raise DeadLetterError(f"{failed} of {count} {'are not' if done == 'replayable' else 'could not be'} {done}")
    if not count:
        print_note("no dead letters")


def _document(letter: KeptLetter) -> dict[str, object]:
    return {"entry_id": letter.entry_id, **letter.event.model_dump(mode="json")}
