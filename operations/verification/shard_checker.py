"""Runs every check of verification over some entries of one shard."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import redis

from operations.verification.arms import ArmCheck, read_rollouts
from operations.verification.batches import BatchCheck
from operations.verification.counts import Counts, check_counts, check_sum, read_counts
from operations.verification.predictions import PendingEntries, check_predictions, decode_prediction, known_activations
from operations.verification.problems import Problems
from operations.verification.report import OnProgress, VerificationReport
from operations.verify import verify_shard
from schemas.domain import Domain
from schemas.streams import DATA_FIELD, Streams
from transport.clock import now_ms
from transport.entries import EntryId
from transport.reading import RawEntry, scan

_PROGRESS_EVERY = 2000


@dataclass(frozen=True, slots=True)
class ShardChecker:
    """Verifies entries of one shard.

    Args:
        client: replies must be bytes.
        streams: the shard's keys.
        domain: the domain.
        allowed_ms: how long an entry may be pending.
        on_progress: called now and then during the checks.
    """

    client: redis.Redis
    streams: Streams
    domain: Domain
    allowed_ms: int
    on_progress: OnProgress = lambda _stage, _done, _total: None

    def check(self, entry_ids: Collection[str], *, is_everything: bool = False) -> VerificationReport:
        """Check some entries; memory grows with them, not with the streams.

        Args:
            entry_ids: the listings' entry ids.
            is_everything: these are all listings ever published there, so sums can be compared.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        checked_ids = set(entry_ids)
        problems = Problems()
        now = now_ms(self.client)
        # before the counts and the streams: an entry answered later is then known to have been pending
        pending = PendingEntries(self.client, self.streams, now)
        counts = read_counts(self.client, self.streams)
        check_counts(counts, problems)
        self.on_progress("outcomes", 0, 0)
        verdict = verify_shard(self.client, self.streams, checked_ids)
        for entry_id in verdict.lost:
            problems.add("lost", entry_id, "has no outcome, and no consumer will answer it")
        for entry_id, kinds in verdict.doubled.items():
            problems.add("doubled", entry_id, f"has {len(kinds)} outcomes: {', '.join(kinds)}")
        oldest = str(min(map(EntryId.parse, checked_ids))) if checked_ids else "+"
        batches = BatchCheck(self.client, self.streams, self.domain, checked_ids, problems)
        rollouts = read_rollouts(self.client, self.streams)
        arms = ArmCheck(self.client, self.streams, self.domain, checked_ids, problems, rollouts)
        predictions = self._check_predictions(oldest, batches, arms, pending)
        late = self._check_late(pending, checked_ids, now, problems)
        for entry in self._scan("window", self.streams.window, oldest):
            batches.check(entry)
        arms.check_pairs(self._scan("pairs", self.streams.shadows, oldest))
        is_sum_checked = is_everything and counts.is_whole
        if is_sum_checked:
            self._check_sum(counts, batches, problems)
        return VerificationReport(
            verdict=verdict,
            late=late,
            allowed_pending_ms=self.allowed_ms,
            predictions=predictions,
            batches=batches.batches,
            rows=batches.rows,
            batches_unseen=batches.unseen,
            arms=arms.arms,
            pairs=arms.pairs,
            is_sum_checked=is_sum_checked,
            problem_counts=dict(problems.counts),
            problems=tuple(problems.kept),
        )

    def _check_predictions(self, oldest: str, batches: BatchCheck, arms: ArmCheck, pending: PendingEntries) -> int:
        entries = self._scan("predictions", self.streams.predictions, oldest)
        activations = known_activations(self.client, self.streams)
        count = 0
        for predicted, at in check_predictions(entries, batches.checked_ids, activations, batches.problems):
            pending.note_answer(EntryId.parse(predicted.id), at.ms)
            if predicted.id in batches.checked_ids:
                identity = predicted.subject, predicted.data.listing_source, predicted.data.listing_id
                arms.note_prediction(predicted.id, predicted.data.model, batches.value_of(predicted), identity, at)
            count += 1
        return count

    def _check_late(self, pending: PendingEntries, checked_ids: set[str], now: int, problems: Problems) -> int:
        late = 0
        for entry_id, pending_ms in pending.late(now, self.allowed_ms):
            if entry_id in checked_ids:
                late += 1
                allowed = f"{self.allowed_ms / 1000:g} s are allowed"
                problems.add("late", entry_id, f"pending for at least {pending_ms / 1000:.1f} s, {allowed}")
        return late

    def _check_sum(self, counts: Counts, batches: BatchCheck, problems: Problems) -> None:
        total = 0.0
        if counts.last_prediction:
            for _, fields in self._scan("sum", self.streams.predictions, "-", counts.last_prediction):
                total += batches.value_of(decode_prediction(fields[DATA_FIELD]))
        check_sum(counts, total, problems)

    def _scan(self, stage: str, key: str, first: str, last: str = "+") -> Iterator[RawEntry]:
        """The entries of a stream, with reports of progress."""
        total = int(self.client.xlen(key))
        for done, entry in enumerate(scan(self.client, key, first, last)):
            if done % _PROGRESS_EVERY == 0:
                self.on_progress(stage, done, total)
            yield entry
