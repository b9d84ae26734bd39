"""The commit of a batch: one script, which writes the outcome of exactly those entries that it acknowledges."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.batch import ScoredBatch
from consumer.scoring import now_rfc3339
from consumer.scripts import Scripts
from schemas.domain import Domain
from schemas.settings import Settings
from schemas.streams import SCORERS
from schemas.window import layout_of, row_dtype


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a commit did.

    Attributes:
        scored: predictions written.
        refused: dead letters written.
        repeated: repeats counted and dropped.
        restored: entries whose outcome could not be written and that are pending again.
        failure: why, in the server's words.
        at_ms: when, in milliseconds of Redis's clock.
        fenced: entries that were not pending any more, so that nothing was written for them.
    """

    scored: int
    refused: int
    repeated: int
    restored: int
    failure: str
    at_ms: int
    fenced: tuple[bytes, ...]


class Committer:
    """Commits batches under one consumer's name."""

    def __init__(self, scripts: Scripts, domain: Domain, settings: Settings, consumer: str) -> None:
        self._scripts = scripts
        self._consumer = consumer
        self._source = f"tasador/{domain.name}"
        self._dedup = (settings.dedup_seconds, settings.dedup_max_ids)
        self._width = row_dtype(domain).itemsize
        self._layout = layout_of(domain)

    async def commit(self, batch: ScoredBatch) -> Receipt:
        """Run the script once; safe to repeat with the same batch.

        Raises:
            redis.exceptions.RedisError: nothing was written, or the reply was lost.
        """
        arguments = [
            SCORERS,
            self._consumer,
            len(batch.outcomes),
            batch.predictions,
            *self._dedup,
            batch.rows,
            self._width,
            batch.stride,
            batch.stamp.activation,
            self._layout,
            batch.values,
            batch.flags,
            repr(batch.total),
            repr(batch.total_squares),
            self._source,
            now_rfc3339(),
        ]
        for outcome in batch.outcomes:
            arguments.extend(outcome)
        scored, refused, repeated, restored, failure, at_ms, *fenced = await self._scripts.run("commit", arguments)
        return Receipt(scored, refused, repeated, restored, failure.decode(), at_ms, tuple(fenced))
