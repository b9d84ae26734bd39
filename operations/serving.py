"""Which versions count in a domain: the champion, the desired one, and those that consumers run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import redis
from pydantic import Field

from schemas.frozen_model import FrozenModel
from schemas.states import ConsumerHeartbeat, DesiredModel
from schemas.streams import Streams
from transport.clock import now_ms


class Serving(FrozenModel):
    """The versions that count. They are one version, except after a reload or while consumers swap.

    Attributes:
        champion: as a training worker followed it last; None before the first, and if it was never recorded.
        desired: that every consumer is meant to run; None before the first activation.
        active: that living consumers run, with the number of consumers.
    """

    champion: str | None = None
    desired: str | None = None
    active: dict[str, int] = Field(default_factory=dict)

    @property
    def is_one(self) -> bool:
        """Whether all of them are one version."""
        return len({self.champion or self.desired, self.desired, *(self.active or [self.desired])}) == 1

    def roles_of(self, version: str) -> tuple[str, ...]:
        """What a version is besides champion: desired, active."""
        roles = ["desired"] if version == self.desired else []
        if count := self.active.get(version):
            roles.append(f"active in {count} consumer{'s' if count > 1 else ''}")
        return tuple(roles)

    def __str__(self) -> str:
        active = ", ".join(self.active) or "none"
        return f"champion {self.champion or 'unknown'}, desired {self.desired or 'none'}, active {active}"


def read_serving(client: redis.Redis, streams: Streams) -> Serving:
    """Read which versions count.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    beats: Any = client.hvals(streams.consumers)
    model: Any = client.hgetall(streams.model)
    at_ms = now_ms(client)
    living = [beat for beat in map(ConsumerHeartbeat.model_validate_json, beats) if beat.is_living(at_ms)]
    return serving_of(client, streams, DesiredModel.from_hash(model), living)


def serving_of(
    client: redis.Redis, streams: Streams, desired: DesiredModel | None, living: Iterable[ConsumerHeartbeat]
) -> Serving:
    """As `read_serving`, from what has been read already."""
    champion: Any = client.hget(streams.worker_state, "champion")
    active = Counter(beat.version for beat in living if beat.version is not None)
    return Serving(
        champion=champion.decode() if champion else None,
        desired=desired.version if desired else None,
        active=dict(sorted(active.items())),
    )
