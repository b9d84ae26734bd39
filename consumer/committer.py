"""The commit of a batch: one script, which writes the outcome of exactly those entries that it acknowledges."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from redis.exceptions import NoScriptError

from consumer.batch import ScoredBatch
from consumer.batch_scorer import now_rfc3339
from consumer.rate_limit import RateLimit
from schemas.domain import Domain
from schemas.settings import Settings
from schemas.streams import SCORERS, Streams
from schemas.window import layout_of, row_dtype
from transport.pipelined_connection import PipelinedConnection
from transport.scripts import read_script


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
        limited: entries whose source had sent too much; they are pending still.
    """

    scored: int
    refused: int
    repeated: int
    restored: int
    failure: str
    at_ms: int
    fenced: tuple[bytes, ...]
    limited: tuple[bytes, ...]


class Committer:
    """Commits batches under one consumer's name.

    The command has left when `commit` first waits; so Redis works on it while the next batch is scored.
    """

    def __init__(
        self, line: PipelinedConnection, streams: Streams, domain: Domain, settings: Settings, consumer: str
    ) -> None:
        self._line = line
        self._text = read_script("consumer", "commit")
        dedup = (streams.dedup_current, streams.dedup_previous, streams.dedup_rotated)
        self._keys = (streams.listings, *streams.written_answers, streams.window, streams.progress, *dedup)
        # Redis names a script by the SHA-1 of its text
        self._sha1 = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()
        self._rate_limit = RateLimit(settings.rate_limit, streams)
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
        charges = self._rate_limit.charge(batch)
        command = [
            *("EVALSHA", self._sha1, len(self._keys) + len(charges.buckets), *self._keys, *charges.buckets),
            SCORERS,
            self._consumer,
            len(batch.entry_ids),
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
            *charges.arguments,
            b"\n".join([*batch.entry_ids, b""]),
            batch.identities,
            batch.events,
            *batch.reasons,
        ]
        try:
            reply = await self._line.ask(*command)
        except NoScriptError:
            await self._line.ask("SCRIPT", "LOAD", self._text)
            reply = await self._line.ask(*command)
        scored, refused, repeated, restored, failure, at_ms, fenced, limited = reply
        return Receipt(scored, refused, repeated, restored, failure.decode(), at_ms, tuple(fenced), tuple(limited))
