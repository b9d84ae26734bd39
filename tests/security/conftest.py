"""Fixtures for tests of roles, TLS and secrets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.models import small_model
from tests.own_redis import own_redis
from tests.security.roles import Users

__all__ = ["own_redis", "small_model"]


@pytest.fixture
def users(redis_client: redis.Redis, redis_url: str, prefix: str) -> Iterator[Users]:
    """A user for each role, on the test's keys of the session's Redis."""
    users = Users(redis_client, redis_url, prefix)
    yield users
    users.remove()
