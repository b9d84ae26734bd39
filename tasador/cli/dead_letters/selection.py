"""Which dead letters a command works on, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from operations.dead_letters import DeadLetters
from schemas.errors import DeadLetterError
from schemas.frozen_model import FrozenModel
from schemas.refusals import Reason
from tasador.cli.options import MOMENT
from tasador.cli.terminal import print_line, print_note, write_json
from tasador.machine.running_system import find_settings, open_redis

RateLimitedOption = Annotated[bool, typer.Option("--rate-limited", help="Use the stream of rate-limited listings.")]
IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Entry ids of dead letters, as `list` shows them.")
]
ReasonFilter = Annotated[Reason | None, typer.Option("--reason", help="Select all with this reason.")]
SourceFilter = Annotated[
    str | None, typer.Option("--source", help="Select all whose listing has this source.", show_default=False)
]
SinceFilter = Annotated[
    str | None, typer.Option("--since", help=f"Select all refused since then. {MOMENT}", show_default=False)
]
UntilFilter = Annotated[str | None, typer.Option("--until", help="Select all refused until then.", show_default=False)]


class LetterResult(FrozenModel):
    """One line of what `dead-letters replay`, `edit` or `drop` writes with --json; only one of the verbs is there.

    Attributes:
        entry_id: of the dead letter.
        replayed: it was published again.
        replayable: it would be published again (--dry-run).
        dropped: it was deleted.
        listing: entry id of the new listing.
        error: why nothing was done.
    """

    entry_id: str
    replayed: bool | None = None
    replayable: bool | None = None
    dropped: bool | None = None
    listing: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LetterSelection:
    """Dead letters by entry id, or by what they have in common."""

    ids: Sequence[str] = ()
    reason: Reason | None = None
    source: str | None = None
    since: str | None = None
    until: str | None = None

    @property
    def has_filter(self) -> bool:
        """Whether they are selected by what they have in common."""
        return any(each is not None for each in (self.reason, self.source, self.since, self.until))

    def require_one_way(self) -> None:
        """Check that there are either ids or filters.

        Raises:
            typer.BadParameter: there are both or none.
        """
        if bool(self.ids) == self.has_filter:
            raise typer.BadParameter("name entry ids, or select with --reason, --source, --since or --until")

    def find(self, letters: DeadLetters) -> Iterable[str]:
        """The entry ids; those that filters select are the ones that exist now.

        Raises:
            DataError: `since` or `until` is not a moment.
        """
        if self.ids:
            return self.ids
        return (each.entry_id for each in letters.select(self.reason, self.source, self.since, self.until))


@contextmanager
def open_letters(domain: str | None, *, is_rate_limited: bool, reason: Reason | None = None) -> Iterator[DeadLetters]:
    """The dead letters of a domain; rate-limited ones have a stream of their own."""
    settings = find_settings(domain)
    with open_redis(settings) as client:
        yield DeadLetters(
            client,
            settings.streams,
            settings.retention.answers,
            is_rate_limited=is_rate_limited or reason is Reason.RATE_LIMITED,
        )


def resolve_each(ids: Iterable[str], resolve: Callable[[str], str | None], done: str, *, as_json: bool) -> None:
    """Resolve each dead letter and print what became of it.

    Args:
        ids: entry ids.
        resolve: returns the entry id of the new listing, if there is one.
        done: what was done, a field of `LetterResult`.
        as_json: print one JSON document a line.

    Raises:
        DeadLetterError: one failed; the others were resolved.
    """
    count = failed = 0
    for entry_id in ids:
        count += 1
        try:
            entry = resolve(entry_id)
        except DeadLetterError as error:
            failed += 1
            if as_json:
                _write(LetterResult(entry_id=entry_id, error=str(error)))
            else:
                print_note(str(error))
            continue
        if as_json:
            _write(LetterResult.model_validate({"entry_id": entry_id, done: True, "listing": entry}))
        else:
            print_line(f"{done} {entry_id}" + (f" as listing {entry}" if entry else ""))
    if failed:
        raise DeadLetterError(f"{failed} of {count} {'are not' if done == 'replayable' else 'could not be'} {done}")
    if not count:
        print_note("no dead letters")


def _write(result: LetterResult) -> None:
    write_json(result.model_dump(exclude_unset=True))
