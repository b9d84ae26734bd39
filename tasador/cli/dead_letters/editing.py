"""`tasador dead-letters edit`: corrects one payload in an editor, and replays it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from operations.command_sender import current_actor
from operations.dead_letters import payload_of_letter
from producer.correction import Correction
from schemas.decoding import ListingDecoder
from schemas.errors import ConfigurationError, DeadLetterError, RefusedListingError
from tasador.cli.dead_letters.replaying import Replayer
from tasador.cli.dead_letters.selection import RateLimitedOption, open_letters, resolve_each
from tasador.cli.options import DomainOption, JsonOption
from tasador.machine.running_system import find_settings

_FALLBACK = "vi"


def edit(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="Entry id of a dead letter.")],
    *,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Set a feature, id or source, without an editor."),
    ] = None,
    is_rate_limited: RateLimitedOption = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open the payload of a dead letter in $VISUAL or $EDITOR, and replay it as it was saved.

    The dead letter stays if the text was not changed, or if the listing would be refused again; then the text stays in
    a file that the error names.
    """
    settings = find_settings(domain)
    correction = Correction(settings, assignments) if assignments else None
    decoder = ListingDecoder(settings.load_domain(), settings.limits, may_lack=settings.features.is_on)
    with open_letters(domain, is_rate_limited=is_rate_limited) as letters:

        def replay_edited(entry_id: str) -> str:
            letter = letters.read(entry_id)
            payload = _edited(entry_id, payload_of_letter(letter), decoder)
            return letters.replay_as(letter, payload, current_actor())

        replayer = Replayer(letters, correction, current_actor(), is_dry=False)
        resolve_each((entry_id,), replayer.replay if correction else replay_edited, "replayed", as_json=as_json)


def _edited(entry_id: str, payload: bytes, decoder: ListingDecoder) -> bytes:
    """The payload as it was saved in the editor.

    Raises:
        DeadLetterError: it was not changed, or would be refused again.
        ConfigurationError: the editor cannot be run.
    """
    before = _readable(payload)
    handle, name = tempfile.mkstemp(prefix=f"dead-letter-{entry_id}-", suffix=".json")
    path = Path(name)
    with os.fdopen(handle, "wb") as file:
        file.write(before)
    _run_editor(path)
    after = path.read_bytes()
    if after == before:
        path.unlink()
        raise DeadLetterError(f"dead letter {entry_id} stays: its payload was not changed")
    corrected = _compact(after)
    try:
        decoder.decode(corrected)
    except RefusedListingError as error:
        raise DeadLetterError(
            f"dead letter {entry_id} stays, it would be refused again: {error} (the text is in {path})"
        ) from error
    path.unlink()
    return corrected


def _run_editor(path: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or _FALLBACK
    try:
        status = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode
    except (OSError, ValueError) as error:
        path.unlink()
        raise ConfigurationError(f"cannot run the editor {editor!r}: set EDITOR, or use --set FIELD=VALUE") from error
    if status != 0:
        raise DeadLetterError(f"{editor!r} ended with exit code {status}: nothing was replayed (the text is in {path})")


def _readable(payload: bytes) -> bytes:
    """The payload with one value a line if it is JSON, else as it is."""
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False).encode() + b"\n"
    except (ValueError, RecursionError):
        return payload


def _compact(text: bytes) -> bytes:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return text
