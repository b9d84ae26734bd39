"""The consumer group on `listings`."""

from __future__ import annotations

import pytest
import redis

from schemas.streams import SCORERS, Streams


@pytest.fixture
def group(redis_client: redis.Redis, streams: Streams) -> None:
    redis_client.xgroup_create(streams.listings, SCORERS, id="0", mkstream=True)
