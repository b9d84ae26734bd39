"""Replaying dead letters as an operator asks for it: corrected, or only told, and chosen by time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import typer

from monitoring.dead_letters import DeadLetters, payload_of_letter
from producer.correcting import Correction
from schemas.errors import DataError, DeadLetterError, RefusedListingError

_AGO = re.compile(r"(\d+(?:\.\d+)?)(s|min|h|d)")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


class Replaying:
    """Replays letter by letter.

    Args:
        letters: of the domain.
        correction: what is set in each payload first; None to publish it as it came.
        actor: who does it.
        is_dry: only look whether it could be done.
    """

    def __init__(self, letters: DeadLetters, correction: Correction | None, actor: str, *, is_dry: bool) -> None:
        self._letters = letters
        self._correction = correction
        self._actor = actor
        self._is_dry = is_dry

    def replay(self, entry_id: str) -> str | None:
        """Replay one; the entry id of the new listing, or None where nothing was to be changed.

        Raises:
            DeadLetterError: there is no such letter, its payload was not kept whole, or it cannot be corrected so.
        """
        letter = self._letters.read(entry_id)
        payload = payload_of_letter(letter)
        if self._correction:
            try:
                payload = self._correction.apply(payload)
            except DataError as error:
                raise DeadLetterError(f"dead letter {entry_id}: {error}") from error
            except RefusedListingError as error:
                raise DeadLetterError(f"dead letter {entry_id} would be refused again: {error}") from error
        return None if self._is_dry else self._letters.replay_as(letter, payload, self._actor)


def entry_span(since: str | None, until: str | None) -> tuple[str, str]:
    """First and last entry id between two moments, each a time or how long ago.

    Raises:
        typer.BadParameter: a moment is neither.
    """
    # an entry of the last millisecond may have any number in it
    last = f"{_moment_ms(until)}-{2**64 - 1}" if until else "+"
    return str(_moment_ms(since)) if since else "-", last


def _moment_ms(text: str) -> int:
    if ago := _AGO.fullmatch(text):
        moment = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r} is neither a time (2026-11-20T12:00) nor 30min, 2h, 1d") from error
    return int(moment.timestamp() * 1000)
