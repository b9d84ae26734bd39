"""`tasador dead-letters export`: the payloads as a file that `tasador publish` accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from operations.dead_letters import KeptLetter, payload_of_letter
from schemas.errors import DataError, DeadLetterError
from schemas.frozen_model import FrozenModel
from tasador.cli.dead_letters.selection import (
    RateLimitedOption,
    ReasonFilter,
    SinceFilter,
    SourceFilter,
    UntilFilter,
    open_letters,
)
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_line, print_note, write_json

_ENDINGS = (".jsonl", ".ndjson", ".json")


class ExportSummary(FrozenModel):
    """What `dead-letters export --json` writes.

    Attributes:
        exported: number of payloads in the file.
        left_out: number of dead letters whose payload is no whole event.
        file: its path.
    """

    exported: int
    left_out: int
    file: str


def export(
    file: Annotated[Path, typer.Argument(help="A new file of JSON lines (.jsonl, .ndjson, .json).")],
    *,
    reason: ReasonFilter = None,
    source: SourceFilter = None,
    since: SinceFilter = None,
    until: UntilFilter = None,
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the payloads of dead letters to a file, one event a line, which `tasador publish` accepts again.

    The dead letters stay; `drop` deletes them. Payloads that are no whole events (not JSON, without an id, not kept in
    full) are left out and listed.
    """
    if file.suffix not in _ENDINGS:
        raise typer.BadParameter(f"{file}: the name must end with {', '.join(_ENDINGS)}")
    exported = left_out = 0
    with open_letters(domain, is_rate_limited=is_rate_limited, reason=reason) as letters:
        try:
            with file.open("x", encoding="utf-8") as lines:
                for letter in letters.select(reason, source, since, until):
                    try:
                        lines.write(_line(letter))
                        exported += 1
                    except DeadLetterError as error:
                        left_out += 1
                        print_note(str(error))
        except FileExistsError as error:
            raise DataError(f"{file}: exists already; name another file") from error
        except OSError as error:
            raise DataError(f"{file}: cannot be written: {error.strerror}") from error
    if as_json:
        write_json(ExportSummary(exported=exported, left_out=left_out, file=str(file)).model_dump())
        return
    print_line(f"{exported:,} dead letters exported to {file}" + (f", {left_out:,} left out" if left_out else ""))


def _line(letter: KeptLetter) -> str:
    """The payload as one line.

    Raises:
        DeadLetterError: it is no whole event.
    """
    try:
        event = json.loads(payload_of_letter(letter), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DeadLetterError(f"dead letter {letter.entry_id} is left out: its payload is not JSON") from error
    if not isinstance(event, dict) or "id" not in event or not isinstance(event.get("data"), dict):
        raise DeadLetterError(f"dead letter {letter.entry_id} is left out: its payload has no id or no data")
    return json.dumps(event, ensure_ascii=False) + "\n"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
