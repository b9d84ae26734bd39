"""Replays dead letters: unchanged, with a correction, or as a dry run."""

from __future__ import annotations

from operations.dead_letters import DeadLetters, payload_of_letter
from producer.correction import Correction
from schemas.errors import DataError, DeadLetterError, RefusedListingError


class Replayer:
    """Replays dead letters one by one.

    Args:
        letters: the domain's dead letters.
        correction: applied to each payload first; None to publish payloads unchanged.
        actor: recorded as the operator.
        is_dry: check only, publish nothing.
    """

    def __init__(self, letters: DeadLetters, correction: Correction | None, actor: str, *, is_dry: bool) -> None:
        self._letters = letters
        self._correction = correction
        self._actor = actor
        self._is_dry = is_dry

    def replay(self, entry_id: str) -> str | None:
        """Replay one dead letter; returns the entry id of the new listing, or None in a dry run.

        Raises:
            DeadLetterError: there is no such dead letter, its payload is incomplete, or the correction does not apply.
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
