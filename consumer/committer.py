"""The commit of a batch: one script, which writes the outcome of exactly those entries that it acknowledges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import NoPermissionError, NoScriptError

from consumer.answer_encoder import encode, now_rfc3339
from consumer.batch import ScoredBatch
from consumer.commit_options import CommitOptions, rollout_options
from consumer.metrics import PAIR_RESULTS, BatchFigures
from consumer.rate_limit import NO_CHARGES, charge
from consumer.replies import NO_REPLIES, REPLY_RESULTS, ReplyRouter
from consumer.requests import REQUEST_RESULTS
from schemas.domain import Domain
from schemas.settings import Settings
from schemas.shards import answer_source
from schemas.streams import SCORERS, Streams
from schemas.window import layout_of, row_dtype
from transport.pipelined_connection import PipelinedConnection
from transport.scripts import Script

COMMIT = Script("consumer", "commit")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a commit did, in the order of the script's reply.

    Attributes:
        scored: predictions written.
        refused: dead letters written.
        repeated: repeats counted and dropped.
        restored: entries whose outcome could not be written and that are pending again.
        failure: why, in the server's words.
        at_ms: when, in milliseconds of Redis's clock.
        fenced: entries that were no longer pending, so that nothing was written for them.
        limited: entries of sources beyond their rate; they are still pending.
        replies: how many replies were written, and how many were not, by `consumer.replies.REPLY_RESULTS`.
        requests: the same of requests for explanations, by `consumer.requests.REQUEST_RESULTS`.
        pairs: the same of the pairs of a rollout, by `PAIR_RESULTS`.
    """

    scored: int
    refused: int
    repeated: int
    restored: int
    failure: str
    at_ms: int
    fenced: tuple[bytes, ...]
    limited: tuple[bytes, ...]
    replies: Mapping[str, int]
    requests: Mapping[str, int]
    pairs: Mapping[str, int]

    def figures_of(self, batch: ScoredBatch) -> BatchFigures:
        """What this commit of a batch adds to the metrics; a batch that was restored counts when it is sent again."""
        unanswered = {*self.fenced, *self.limited}
        answered = [] if self.restored else batch.entry_ids
        if unanswered:
            answered = [entry_id for entry_id in answered if entry_id not in unanswered]
        refused = zip(batch.entry_ids[batch.predictions :], batch.reasons, strict=True)
        return BatchFigures(
            entry_ids=answered,
            answered_ms=self.at_ms,
            scored=self.scored,
            repeated=self.repeated,
            refused=Counter(reason for entry_id, reason in refused if answered and entry_id not in unanswered),
            imputed=batch.imputed if answered else {},
            unusual=batch.unusual if answered else {},
            kinds=batch.kinds if answered else {},
            stored=batch.stored if answered else {},
            invalid_stored=batch.invalid_stored if answered else {},
            lookups=batch.lookups if answered else {},
            fenced=len(self.fenced),
            replies=self.replies,
            requests=self.requests,
            pairs=self.pairs,
            arms=batch.arms.answered if batch.arms and answered else {},
            fallbacks=batch.arms.fallbacks if batch.arms and answered else {},
        )


class Committer:
    """Commits batches under one consumer's name.

    The command has been sent when `commit` first waits, so Redis works on it while the next batch is scored.

    Args:
        connection: for commits alone.
        streams: the shard's keys.
        domain: whose rows the window holds.
        settings: deduplication and rate limits.
        consumer: the consumer's name in the group.

    Attributes:
        keys: the keys of every commit.
        replies: finds the streams of replies.
        may_request: whether the user may write requests for explanations; otherwise none is written.
        may_pair: whether the user may write pairs; otherwise none is written.
    """

    def __init__(
        self, connection: PipelinedConnection, streams: Streams, domain: Domain, settings: Settings, consumer: str
    ) -> None:
        self._connection = connection
        dedup = (streams.dedup_current, streams.dedup_previous, streams.dedup_rotated)
        self.keys = (streams.listings, *streams.written_answers, streams.window, streams.progress, *dedup)
        self._streams = streams
        self._settings = settings
        self._consumer = consumer
        self._source = answer_source(domain.name, streams.shard)
        self._row_bytes = row_dtype(domain).itemsize
        self._layout = layout_of(domain)
        self.replies = ReplyRouter(streams, settings.replies.max_names)
        self.may_request = True
        self.may_pair = True

    async def commit(self, batch: ScoredBatch) -> Receipt:
        """Run the script once; safe to repeat with the same batch.

        Raises:
            redis.exceptions.RedisError: nothing was written, or the reply was lost.
        """
        charges = charge(self._streams, batch) if self._settings.rate_limit.events_per_s else NO_CHARGES
        routes = self.replies.route(batch) if batch.reply_to else NO_REPLIES
        keys = (*self.keys, *charges.buckets)
        explain = (self._streams.explain,) if batch.requests and self.may_request else ()
        shadows = (self._streams.shadows,) if batch.arms and batch.arms.pairs and self.may_pair else ()
        options = self._options(batch, len(charges.buckets), explains=bool(explain), keeps_pairs=bool(shadows))
        arguments = [
            encode(options),
            batch.rows,
            batch.values,
            batch.flags,
            charges.bucket_numbers,
            routes.numbers,
            b"\n".join([*batch.entry_ids, b""]),
            batch.identities,
            batch.events,
            batch.requests,
            batch.arms.pairs if batch.arms else b"",
            *batch.reasons,
        ]
        try:
            reply = await self._run((*keys, *routes.keys, *explain, *shadows), arguments)
        except NoPermissionError:
            if not routes.keys and not explain and not shadows:
                raise
            # one declared key that the user may not touch fails the whole script, and outcomes need none of these
            options.explains = options.keeps_pairs = False
            reply = await self._run(keys, [encode(options), *arguments[1:]])
            self.replies.is_allowed = self.replies.is_allowed and not routes.keys
            self.may_request = self.may_request and not explain
            self.may_pair = self.may_pair and not shadows
        return self._receipt(reply)

    def _receipt(self, reply: Sequence[Any]) -> Receipt:
        scored, refused, repeated, restored, failure, at_ms, fenced, limited = reply[:8]
        replied, unread, not_served, *requested = reply[8:15]
        unserved = (not_served, 0) if self.replies.is_allowed else (0, not_served)
        replies = dict(zip(REPLY_RESULTS, (replied, unread, *unserved), strict=True))
        requests = dict(zip(REQUEST_RESULTS, requested, strict=True))
        pairs = dict(zip(PAIR_RESULTS, reply[15:], strict=True))
        counts = scored, refused, repeated, restored
        return Receipt(*counts, failure.decode(), at_ms, tuple(fenced), tuple(limited), replies, requests, pairs)

    async def _run(self, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        try:
            return await self._connection.ask("EVALSHA", COMMIT.sha1, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self._connection.ask("EVAL", COMMIT.text, len(keys), *keys, *arguments)

    def _options(self, batch: ScoredBatch, buckets: int, *, explains: bool, keeps_pairs: bool) -> CommitOptions:
        rate_limit, arms = self._settings.rate_limit, batch.arms
        return CommitOptions(
            group=SCORERS,
            consumer=self._consumer,
            entries=len(batch.entry_ids),
            predictions=batch.predictions,
            dedup_seconds=self._settings.dedup_seconds,
            dedup_max_ids=self._settings.dedup_max_ids,
            row_bytes=self._row_bytes,
            stride=batch.stride,
            activation=batch.stamp.activation,
            layout=self._layout,
            sum=repr(batch.total),
            sum_squares=repr(batch.total_squares),
            source=self._source,
            time=now_rfc3339(),
            rate=repr(rate_limit.events_per_s),
            burst=rate_limit.burst,
            buckets=buckets,
            explains=explains,
            max_requests=self._settings.explain.max_requests,
            keeps_pairs=keeps_pairs,
            shard=self._streams.shard,
            rollout=rollout_options(arms) if arms else None,
        )
