"""Whether a listing can be scored now, looked at several times a second so that no request waits to learn it."""

from __future__ import annotations

import time
from typing import Any

import redis.asyncio
import redis.exceptions

from gateway.problems import problem
from schemas.states import ConsumerHeartbeat
from schemas.streams import Streams
from transport.clock import now_ms_async

LOOK_S = 0.5
"""The interval at which the consumers are looked at."""
_MISSED_BEATS = 3
_SHORTEST_S = 2.0
_RETRY_S = 1


class Availability:
    """Whether any consumer of one domain scores.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        heartbeat_s: interval of the consumers' heartbeats; one that misses three of them counts as gone.
    """

    def __init__(self, client: redis.asyncio.Redis, streams: Streams, heartbeat_s: float) -> None:
        self._client = client
        self._streams = streams
        self._silent_ms = max(_SHORTEST_S, _MISSED_BEATS * heartbeat_s) * 1000
        self._obstacle = "the gateway is starting"
        self.version: str | None = None
        self._unserved_at_s: float | None = None

    @property
    def unserved_s(self) -> float | None:
        """Time since a listing was last turned away, in s; None if none was. An autoscaler starts a consumer by it."""
        return None if self._unserved_at_s is None else time.monotonic() - self._unserved_at_s

    @property
    def obstacle(self) -> str:
        """Why no listing can be scored now; empty if one can."""
        return self._obstacle

    async def look(self) -> None:
        """Look at the consumers.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        try:
            stored: Any = await self._client.hvals(self._streams.consumers)
            at_ms = await now_ms_async(self._client)
        except (redis.exceptions.RedisError, OSError):
            self._obstacle = "Redis does not answer"
            raise
        beats = [ConsumerHeartbeat.model_validate_json(beat) for beat in stored]
        living = [beat for beat in beats if abs(at_ms - beat.at_ms) <= self._silent_ms]
        scoring = [beat for beat in living if beat.state == "running"]
        if scoring:
            self._obstacle, self.version = "", max(scoring, key=lambda beat: beat.at_ms).version
        else:
            self._obstacle = "no consumer has a model yet" if living else "no consumer is running"

    def check(self) -> None:
        """Check that a listing can be scored.

        Raises:
            HttpProblemError: (503) it cannot.
        """
        if self._obstacle:
            self._unserved_at_s = time.monotonic()
            raise problem(503, "unavailable", f"nothing scores now: {self._obstacle}", retry_after_s=_RETRY_S)
