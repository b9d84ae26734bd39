"""`tasador dead-letters replay` and `drop`."""

from __future__ import annotations

from typing import Annotated

import typer

from operations.command_sender import current_actor
from producer.correction import Correction
from tasador.cli.dead_letters.replaying import Replayer
from tasador.cli.dead_letters.selection import (
    IdsArgument,
    LetterSelection,
    RateLimitedOption,
    ReasonFilter,
    SinceFilter,
    SourceFilter,
    UntilFilter,
    open_letters,
    resolve_each,
)
from tasador.cli.options import DomainOption, JsonOption
from tasador.machine.running_system import find_settings


def replay(
    ids: IdsArgument = None,
    *,
    reason: ReasonFilter = None,
    source: SourceFilter = None,
    since: SinceFilter = None,
    until: UntilFilter = None,
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
    selection = LetterSelection(ids or (), reason, source, since, until)
    selection.require_one_way()
    settings = find_settings(domain)
    correction = Correction(settings, assignments) if assignments else None
    with open_letters(domain, is_rate_limited=is_rate_limited, reason=reason) as letters:
        replayer = Replayer(letters, correction, current_actor(), is_dry=is_dry)
        done = "replayable" if is_dry else "replayed"
        resolve_each(selection.find(letters), replayer.replay, done, as_json=as_json)


def drop(
    ids: IdsArgument = None,
    *,
    reason: ReasonFilter = None,
    source: SourceFilter = None,
    since: SinceFilter = None,
    until: UntilFilter = None,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete dead letters with their payloads, for good; who dropped them is recorded.

    Several of --reason, --source, --since and --until must all match. Keep them in a file first with `export`.
    """
    selection = LetterSelection(ids or (), reason, source, since, until)
    selection.require_one_way()
    with open_letters(domain, is_rate_limited=is_rate_limited, reason=reason) as letters:
        # what is dropped is what was counted: others may come before the answer
        found = tuple(selection.find(letters))
        if found and not is_sure:
            typer.confirm(
                f"Drop {len(found):,} dead letter{'s' if len(found) > 1 else ''} for good?", abort=True, err=True
            )

        def drop_one(entry_id: str) -> None:
            letters.drop(entry_id, current_actor())

        resolve_each(found, drop_one, "dropped", as_json=as_json)
