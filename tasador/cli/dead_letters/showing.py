"""`tasador dead-letters list` and `show`."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from operations.dead_letters import KeptLetter
from operations.letter_counts import ReasonCount, count_by_reason
from schemas.events import DeadLetter
from tasador.cli.dead_letters.selection import RateLimitedOption, ReasonFilter, open_letters
from tasador.cli.formatting import format_entry_time, printable
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_line, stdout, write_json
from tasador.cli.terminal_table import TableColumn, TerminalTable
from tasador.cli.views.events import first_error

_LETTERS = (
    TableColumn("ENTRY"),
    TableColumn("WHEN"),
    TableColumn("LISTING"),
    TableColumn("REASON"),
    TableColumn("FIRST ERROR", is_prose=True),
)
_REASONS = (
    TableColumn("REASON"),
    TableColumn("LETTERS", is_number=True),
    TableColumn("NEWEST ENTRY"),
    TableColumn("ITS FIRST ERROR", is_prose=True),
)


class LetterDocument(DeadLetter):
    """A dead letter as `dead-letters list` and `show` write it with --json."""

    entry_id: str


def list_(
    reason: ReasonFilter = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Show at most this many.")] = 20,
    is_by_reason: Annotated[
        bool, typer.Option("--by-reason", help="Count them by reason, with the newest of each as an example.")
    ] = False,
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, newest first, or count them."""
    with open_letters(domain, is_rate_limited=is_rate_limited, reason=reason) as letters:
        newest = letters.newest(reason)
        if is_by_reason:
            _show_counts(count_by_reason(newest)[:count], as_json=as_json)
            return
        listed = list(islice(newest, count))
    if as_json:
        write_json([document_of(letter) for letter in listed])
        return
    if not listed:
        print_line("no dead letters")
        return
    stdout.print(letters_table(listed))


def letters_table(letters: list[KeptLetter]) -> TerminalTable:
    """One row for each dead letter."""
    rows = [
        (
            letter.entry_id,
            format_entry_time(letter.entry_id),
            printable(letter.event.data.listing_id or "-"),
            letter.event.data.reason,
            first_error(letter.event),
        )
        for letter in letters
    ]
    return TerminalTable(_LETTERS, rows)


def show(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="Entry id of a dead letter.")],
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a dead letter with its payload."""
    with open_letters(domain, is_rate_limited=is_rate_limited) as letters:
        letter = letters.read(entry_id)
    if as_json:
        write_json(document_of(letter))
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


def document_of(letter: KeptLetter) -> dict[str, object]:
    """A dead letter as a JSON document (`LetterDocument`)."""
    return {"entry_id": letter.entry_id, **letter.event.model_dump(mode="json")}


def _show_counts(counts: list[ReasonCount], *, as_json: bool) -> None:
    if as_json:
        write_json([each.model_dump(mode="json") for each in counts])
        return
    if not counts:
        print_line("no dead letters")
        return
    stdout.print(counts_table(counts))


def counts_table(counts: list[ReasonCount]) -> TerminalTable:
    """One row for each reason."""
    return TerminalTable(_REASONS, [(each.reason, f"{each.count:,}", each.newest, each.error) for each in counts])
