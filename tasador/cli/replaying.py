"""Replaying dead letters as an operator asks for it: corrected, or only told."""

from __future__ import annotations

from operations.dead_letters import DeadLetters, payload_of_letter
from producer.correction import Correction
from schemas.errors import DataError, DeadLetterError, RefusedListingError


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
