"""Runs every check of verification over some entries of a domain, shard by shard, and reports the result."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import redis

from operations.verification.report import OnProgress, VerificationReport, join_reports
from operations.verification.shard_checker import ShardChecker
from operations.verify import by_shard
from schemas.domain import Domain
from schemas.streams import Streams
from transport.shards import read_layout


@dataclass(frozen=True, slots=True)
class Checker:
    """Verifies entries of one domain.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: the domain.
        allowed_ms: how long an entry may be pending.
        on_progress: called now and then during the checks.
    """

    client: redis.Redis
    streams: Streams
    domain: Domain
    allowed_ms: int
    on_progress: OnProgress = lambda _stage, _done, _total: None

    def check(self, entries: Collection[str], *, is_everything: bool = False) -> VerificationReport:
        """Check some entries; memory grows with them, not with the streams.

        Args:
            entries: of listings, as publishing returned them.
            is_everything: these are all listings ever published, so sums can be compared.

        Raises:
            ValueError: one names a shard that is no number.
            redis.exceptions.RedisError: as the server answered.
        """
        ids = by_shard(entries)
        numbers = {*range(read_layout(self.client, self.streams).read), *ids}
        return join_reports(
            {
                number: self._of_shard(number).check(ids.get(number, ()), is_everything=is_everything)
                for number in sorted(numbers)
            }
        )

    def _of_shard(self, number: int) -> ShardChecker:
        shard = self.streams.of_shard(number)
        return ShardChecker(self.client, shard, self.domain, self.allowed_ms, self.on_progress)
