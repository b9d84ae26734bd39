"""Goes on publishing after a lost connection, from the first listing that is not confirmed."""

from __future__ import annotations

import time
from collections.abc import Callable

from schemas.errors import PublishInterruptedError
from transport.backoff import OutageBackoff

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


class Reconnection:
    """Sends a chunk again while Redis does not accept it, with growing pauses.

    A listing that arrived although its confirmation was lost is sent once more, with the same identity, so it is
    counted and dropped as a repeat within `dedup_seconds`.

    Args:
        limit_s: how long a connection may stay lost, in seconds; 0 raises the first error.
        on_lost: called once for each chunk that was interrupted, before the first pause.
    """

    def __init__(self, limit_s: float = 0, on_lost: Callable[[PublishInterruptedError], None] | None = None) -> None:
        self._limit_s = limit_s
        self._on_lost = on_lost

    def send(self, chunk: list[bytes], send_once: Callable[[list[bytes]], list[str]]) -> list[str]:
        """The entry ids of a chunk in the order of confirmation.

        Raises:
            PublishInterruptedError: nothing was confirmed for `limit_s`.
            PublishError: as `send_once`.
        """
        entry_ids: list[str] = []
        backoff = OutageBackoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        lost_s: float | None = None
        while True:
            try:
                return entry_ids + send_once(chunk)
            except PublishInterruptedError as error:
                if lost_s is None and self._limit_s and self._on_lost:
                    self._on_lost(error)
                if lost_s is None or error.entry_ids:
                    lost_s = time.monotonic()
                    backoff.reset()
                entry_ids += error.entry_ids
                chunk = list(error.unconfirmed)
                if time.monotonic() - lost_s >= self._limit_s:
                    error.entry_ids = tuple(entry_ids)
                    raise
            time.sleep(backoff.next_s())
