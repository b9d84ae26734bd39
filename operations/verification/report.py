"""The whole check of some entries, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import redis
from pydantic import BaseModel, ConfigDict

from operations.verification.batches import BatchCheck
from operations.verification.counts import Counts, check_counts, check_sum, read_counts
from operations.verification.predictions import Waiters, check_predictions, decode_prediction, known_activations
from operations.verification.problems import Problem, Problems
from operations.verify import Verdict, verify
from schemas.domain import Domain
from schemas.settings import Settings
from schemas.streams import DATA_FIELD, Streams
from transport.clock import now_ms
from transport.entries import EntryId
from transport.reading import Entry, scan

_TOLD_EVERY = 2000

OnProgress = Callable[[str, int, int], None]
"""Told of a stage, how far it is, and where it ends."""


def allowed_pending_ms(settings: Settings) -> int:
    """How long an entry may be pending when all goes as it should.

    A consumer that dies leaves its entries for `claim_idle_ms`, and others look for them every half of that. What kills
    every consumer that tries it goes through that as often as it may be delivered, and once more to be given up.
    """
    return round(1.5 * settings.claim_idle_ms * (settings.max_deliveries + 1))


class VerificationReport(BaseModel):
    """What a check found.

    Attributes:
        verdict: whether each entry has one outcome.
        late: entries pending for longer than allowed.
        allowed_pending_ms: how long that is.
        predictions: how many predictions had their activation checked.
        batches: how many batches were compared with the window.
        rows: how many rows of the window were compared with their prediction.
        batches_unseen: entries of the window that could not be compared, since their predictions are gone.
        is_sum_checked: whether all predictions were added up and compared with the counted sum.
        problem_counts: how much is wrong, by kind.
        problems: what is wrong; at most a thousand of each kind.
    """

    model_config = ConfigDict(frozen=True)

    verdict: Verdict
    late: int
    allowed_pending_ms: int
    predictions: int
    batches: int
    rows: int
    batches_unseen: int
    is_sum_checked: bool
    problem_counts: dict[str, int]
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong; what waits within the time allowed, or can no longer be seen, is not wrong."""
        return not self.problem_counts

    @property
    def is_complete(self) -> bool:
        """Whether nothing is wrong and every entry has its outcome."""
        return self.is_sound and self.verdict.is_kept


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks entries of one domain.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: what the predictions are about.
        allowed_ms: how long an entry may be pending.
        on_progress: told now and then.
    """

    client: redis.Redis
    streams: Streams
    domain: Domain
    allowed_ms: int
    on_progress: OnProgress = lambda _stage, _done, _total: None

    def check(self, entry_ids: Collection[str], *, is_everything: bool = False) -> VerificationReport:
        """Check some entries; memory grows with them and not with the streams.

        Args:
            entry_ids: the listings' entry ids.
            is_everything: they are all that were ever published, so that sums can be compared.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        asked = set(entry_ids)
        problems = Problems()
        now = now_ms(self.client)
        # read first: what is pending then and answered since has no outcome in the counts, but one in the streams
        waiters = Waiters(self.client, self.streams, now)
        counts = read_counts(self.client, self.streams)
        check_counts(counts, problems)
        self.on_progress("outcomes", 0, 0)
        verdict = verify(self.client, self.streams, asked)
        for entry_id in verdict.lost:
            problems.add("lost", entry_id, "has no outcome, and nobody will give it one")
        for entry_id, kinds in verdict.doubled.items():
            problems.add("doubled", entry_id, f"has {len(kinds)} outcomes: {', '.join(kinds)}")
        oldest = str(min(map(EntryId.parse, asked))) if asked else "+"
        predictions = self._check_predictions(oldest, asked, waiters, problems)
        late = self._check_late(waiters, asked, now, problems)
        batches = self._check_window(oldest, asked, problems)
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
            is_sum_checked=is_sum_checked,
            problem_counts=dict(problems.counts),
            problems=tuple(problems.kept),
        )

    def _check_predictions(self, oldest: str, asked: set[str], waiters: Waiters, problems: Problems) -> int:
        entries = self._told("predictions", self.streams.predictions, oldest)
        activations = known_activations(self.client, self.streams)
        number = 0
        for number, (answered, at_ms) in enumerate(check_predictions(entries, asked, activations, problems), 1):  # noqa: B007
            waiters.passed_by(answered, at_ms)
        return number

    def _check_late(self, waiters: Waiters, asked: set[str], now: int, problems: Problems) -> int:
        late = 0
        for entry_id, pending_ms in waiters.late(now, self.allowed_ms):
            if entry_id in asked:
                late += 1
                allowed = f"{self.allowed_ms / 1000:g} s are allowed"
                problems.add("late", entry_id, f"pending for at least {pending_ms / 1000:.1f} s, {allowed}")
        return late

    def _check_window(self, oldest: str, asked: set[str], problems: Problems) -> BatchCheck:
        check = BatchCheck(self.client, self.streams, self.domain, asked, problems)
        for entry in self._told("window", self.streams.window, oldest):
            check.check(entry)
        return check

    def _check_sum(self, counts: Counts, batches: BatchCheck, problems: Problems) -> None:
        total = 0.0
        if counts.last_prediction:
            for _, fields in self._told("sum", self.streams.predictions, "-", counts.last_prediction):
                total += batches.value_of(decode_prediction(fields[DATA_FIELD]))
        check_sum(counts, total, problems)

    def _told(self, stage: str, key: str, first: str, last: str = "+") -> Iterator[Entry]:
        total = int(self.client.xlen(key))
        for done, entry in enumerate(scan(self.client, key, first, last)):
            if done % _TOLD_EVERY == 0:
                self.on_progress(stage, done, total)
            yield entry
