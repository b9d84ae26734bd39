"""What was delivered and not answered: claimed in bulk, then tried one by one.

A crash leaves every entry of its batch pending, and one of them may be the cause. So claiming does not raise the
delivery count; only the entry that is about to be tried alone is counted. What has killed its consumer
`max_deliveries` times is given up as poison, and its neighbours never are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from consumer.batch import Entry
from consumer.scripts import Scripts
from schemas.streams import SCORERS

CHUNK = 100


class Recovery:
    """Finds left-over entries for one consumer."""

    def __init__(self, scripts: Scripts, consumer: str, claim_idle_ms: int) -> None:
        self._scripts = scripts
        self._consumer = consumer
        self._claim_idle_ms = claim_idle_ms

    async def own(self) -> list[Entry]:
        """Up to `CHUNK` entries pending under the consumer's own name; their payloads are read by `take`."""
        return await self._claim(0, self._consumer)

    async def idle(self) -> list[Entry]:
        """Up to `CHUNK` entries that anybody has left alone for `claim_idle_ms`, now the consumer's own."""
        return await self._claim(self._claim_idle_ms, "")

    async def take(self, entry: Entry) -> Entry | None:
        """Take a claimed entry in hand: counted, with its payload; None if somebody else has it by now."""
        reply = await self._scripts.run("take", [SCORERS, self._consumer, entry.id])
        if not reply:
            return None
        deliveries, *payload = reply
        return Entry(entry.id, payload[0], deliveries + 1) if payload else Entry(entry.id, None, deliveries)

    async def renew(self, entry_ids: Sequence[bytes]) -> int:
        """Keep entries in hand from being claimed; returns how many are still owned."""
        return int(await self._scripts.run("renew", [SCORERS, self._consumer, *entry_ids]))

    async def _claim(self, idle_ms: int, owner: str) -> list[Entry]:
        arguments = [SCORERS, self._consumer, idle_ms, CHUNK, owner]
        claimed, gone = await self._scripts.run("claim", arguments)
        return [Entry(id_, (), n) for id_, n in _pairs(claimed)] + [Entry(id_, None, n) for id_, n in _pairs(gone)]


def _pairs(flat: Sequence[object]) -> Iterator[tuple[bytes, int]]:
    return zip(flat[::2], flat[1::2], strict=True)  # type: ignore[arg-type]
