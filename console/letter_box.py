"""The dead letters of a domain for pages: counted, read, corrected and replayed. Threads may share it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from itertools import islice

import redis

from operations.dead_letters import DeadLetters, KeptLetter, payload_of_letter
from schemas.decoding import ListingDecoder
from schemas.domain import Domain
from schemas.errors import DeadLetterError, RefusedListingError
from schemas.refusals import Reason
from schemas.settings import Settings

COUNTED = 5000
"""The newest dead letters that are counted by reason and source; older ones can still be replayed by reason."""
_LISTED = 15


@dataclass(frozen=True, slots=True)
class LetterOverview:
    """Dead letters at a glance.

    Attributes:
        reasons: how many of the counted letters have a reason, the most frequent first.
        sources: the same by source.
        letters: the newest ones that were asked for.
    """

    reasons: tuple[tuple[str, int], ...]
    sources: tuple[tuple[str, int], ...]
    letters: tuple[KeptLetter, ...]


class LetterBox:
    """Reads and resolves dead letters, also those of the rate limit.

    Args:
        client: replies must be bytes.
        settings: of the domain.
        domain: its declaration.
    """

    def __init__(self, client: redis.Redis, settings: Settings, domain: Domain) -> None:
        self._letters = DeadLetters(client, settings.streams)
        self._limited = DeadLetters(client, settings.streams, is_rate_limited=True)
        self._decoder = ListingDecoder(domain, settings.limits, may_lack=settings.features.is_on)

    def read(self, reason: str | None, source: str | None) -> LetterOverview:
        """Count the newest letters, and list the newest of a reason and a source; None for any.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        newest = [*islice(self._letters.newest(), COUNTED), *islice(self._limited.newest(), COUNTED)]
        found = (
            letter
            for letter in newest
            if reason in {None, letter.event.data.reason.value} and source in {None, letter.event.data.listing_source}
        )
        return LetterOverview(
            tuple(Counter(letter.event.data.reason.value for letter in newest).most_common()),
            tuple(Counter(letter.event.data.listing_source for letter in newest).most_common()),
            tuple(islice(found, _LISTED)),
        )

    def replay(self, letter: KeptLetter, text: str, actor: str) -> str:
        """Replay a letter as a text says; returns the entry id of the new listing.

        Raises:
            DeadLetterError: the listing would be refused again, or the letter is gone.
        """
        payload = _compact(text)
        try:
            self._decoder.decode(payload)
        except RefusedListingError as error:
            raise DeadLetterError(f"it would be refused again, and stays: {error}") from error
        return self._of(letter).replay_as(letter, payload, actor)

    def replay_all(self, reason: str, source: str | None, actor: str) -> tuple[int, int]:
        """Replay every letter of a reason as it was; returns how many were replayed, and how many could not be."""
        letters = self._limited if reason == Reason.RATE_LIMITED else self._letters
        done = left = 0
        for letter in letters.select(Reason(reason), source):
            try:
                letters.replay(letter.entry_id, actor)
            except DeadLetterError:
                left += 1
            else:
                done += 1
        return done, left

    def drop(self, letter: KeptLetter, actor: str) -> None:
        """Delete a letter for good.

        Raises:
            DeadLetterError: it is gone.
        """
        self._of(letter).drop(letter.entry_id, actor)

    def _of(self, letter: KeptLetter) -> DeadLetters:
        return self._limited if letter.event.data.reason is Reason.RATE_LIMITED else self._letters


def readable_payload(letter: KeptLetter) -> str:
    """The payload of a letter for an editor: one value a line if it is JSON.

    Raises:
        DeadLetterError: it was not kept in full, or its entry held no event.
    """
    payload = payload_of_letter(letter)
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return payload.decode(errors="replace")


def _compact(text: str) -> bytes:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return text.encode()
