"""The log of verdicts on rollouts, by which one sees the interval of the gain narrow."""

from __future__ import annotations

import redis.asyncio

from schemas.rollout_report import LoggedVerdict, RolloutVerdict
from schemas.streams import DATA_FIELD, Streams

KEPT = 1000
_GROWTH = 1.03
"""By how much the outcomes must have grown for another entry: a million of them are some 460 entries."""


class VerdictLog:
    """Writes the log of one domain.

    Args:
        client: its user may write the stream.
        streams: the domain's keys.
    """

    def __init__(self, client: redis.asyncio.Redis, streams: Streams) -> None:
        self._client = client
        self._key = streams.rollout_verdicts
        self._last = LoggedVerdict(rollout="", verdict=RolloutVerdict())

    async def add(self, rollout: str, verdict: RolloutVerdict) -> None:
        """Log a verdict that has an interval, if it says something new.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        last = self._last.verdict
        is_new = rollout != self._last.rollout or verdict.verdict != last.verdict
        if verdict.low is None or not (is_new or verdict.outcomes >= _GROWTH * last.outcomes + 1):
            return
        logged = LoggedVerdict(rollout=rollout, verdict=verdict.model_copy(update={"segments": ()}))
        payload = logged.model_dump_json(exclude_defaults=True)
        await self._client.xadd(self._key, {DATA_FIELD: payload}, maxlen=KEPT, approximate=True)
        self._last = logged
