"""`tasador dead-letters`: look at refused listings, publish them again, drop them."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from operations.dead_letters import DeadLetters, KeptLetter
from producer.correction import Correction
from schemas.errors import DeadLetterError
from schemas.refusals import Reason
from tasador.cli.formatting import clock, plain
from tasador.cli.options import MOMENT, DomainOption, JsonOption
from tasador.cli.replaying import Replaying
from tasador.cli.terminal import err, out, write_json
from tasador.cli.views.events import first_error
from tasador.machine.running_system import find_settings, open_redis, redis_url
from transport.connection import speaking_to

EXAMPLE = "tasador dead-letters list --reason out_of_range"

app = typer.Typer(help="Look at refused listings, publish them again, drop them.", no_args_is_help=True)

RateLimitedOption = Annotated[
    bool, typer.Option("--rate-limited", help="Those whose source sent too much; they lie in a stream of their own.")
]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Entry ids of dead letters, as `list` shows them.")]


@app.command("list", epilog=f"Example: {EXAMPLE}")
def list_(
    reason: Annotated[Reason | None, typer.Option(help="Only those of this reason.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many at most.")] = 20,
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first."""
    with _letters(domain, is_rate_limited=is_rate_limited or reason is Reason.RATE_LIMITED) as letters:
        found = list(islice(letters.newest(reason), count))
    if as_json:
        write_json([_document(letter) for letter in found])
        return
    table = Table("ENTRY", "WHEN", "LISTING", "REASON", "FIRST ERROR", box=None, pad_edge=False)
    for letter in found:
        data = letter.event.data
        row = (letter.entry_id, clock(letter.entry_id), data.listing_id or "-", data.reason, first_error(letter.event))
        table.add_row(*(Text(plain(each)) for each in row))
    out.print(table if found else "no dead letters")


@app.command(epilog="Example: tasador dead-letters show 1795219101518-0")
def show(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="Entry id of a dead letter.")],
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show everything about one dead letter, with its payload."""
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
        out.out(f"{name:<9} {plain(value, 400)}", highlight=False)
    out.out(plain(data.payload or "(gone)", 1_000_000), highlight=False)


@app.command(epilog="Example: tasador dead-letters replay --reason out_of_range --since 2h --set RM=6.5")
def replay(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Entry ids of dead letters, as `list` shows them.")
    ] = None,
    *,
    reason: Annotated[Reason | None, typer.Option(help="All of this reason.")] = None,
    source: Annotated[str | None, typer.Option(help="All whose listing came from this source.")] = None,
    since: Annotated[str | None, typer.Option(help=f"All refused since then. {MOMENT}")] = None,
    until: Annotated[str | None, typer.Option(help="All refused until, likewise.")] = None,
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Correct a feature, id, source first.")
    ] = None,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Say what would be published; change nothing.")] = False,
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish payloads again as new listings, and take the dead letters off.

    Each is one step: whatever crashes, a listing is either a dead letter or published, never both or neither.
    Those that are chosen by reason, source or time fulfil all that is asked. A payload that was not kept whole is
    refused, and so is one that would be refused again after it was corrected.
    """
    is_chosen = any(each is not None for each in (reason, source, since, until))
    if bool(ids) == is_chosen:
        raise typer.BadParameter("name entry ids, or choose by --reason, --source, --since or --until")
    settings = find_settings(domain)
    correction = Correction(settings.load_domain(), settings.limits, given) if given else None
    with _letters(domain, is_rate_limited=is_rate_limited or reason is Reason.RATE_LIMITED) as letters:
        chosen = ids or (letter.entry_id for letter in letters.select(reason, source, since, until))
        replaying = Replaying(letters, correction, _actor(), is_dry=is_dry)
        _each(chosen, replaying.replay, "replayable" if is_dry else "replayed", as_json=as_json)


@app.command(epilog="Example: tasador dead-letters drop 1795219101518-0 --yes")
def drop(
    ids: Ids,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take dead letters off for good; their payloads are gone then."""
    if not is_sure:
        typer.confirm(f"Drop {len(ids)} dead letter{'s' if len(ids) > 1 else ''} for good?", abort=True, err=True)

    with _letters(domain, is_rate_limited=is_rate_limited) as letters:

        def drop_one(entry_id: str) -> None:
            letters.drop(entry_id, _actor())

        _each(ids, drop_one, "dropped", as_json=as_json)


@contextmanager
def _letters(domain: str | None, *, is_rate_limited: bool) -> Iterator[DeadLetters]:
    settings = find_settings(domain)
    with speaking_to(redis_url(settings)), open_redis(settings) as client:
        yield DeadLetters(client, settings.streams, settings.retention.answers, is_rate_limited=is_rate_limited)


def _each(ids: Iterable[str], resolve: Callable[[str], str | None], done: str, *, as_json: bool) -> None:
    """Resolve each, say what became of it, and fail at the end if one failed."""
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
                err.out(str(error), highlight=False)
            continue
        if as_json:
            write_json({"entry_id": entry_id, done: True, "listing": entry})
        else:
            out.out(f"{done} {entry_id}" + (f" as listing {entry}" if entry else ""), highlight=False)
    if failed:
        raise DeadLetterError(f"{failed} of {count} {'are not' if done == 'replayable' else 'could not be'} {done}")
    if not count:
        err.out("no dead letters", highlight=False)


def _document(letter: KeptLetter) -> dict[str, object]:
    return {"entry_id": letter.entry_id, **letter.event.model_dump(mode="json")}


def _actor() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"
