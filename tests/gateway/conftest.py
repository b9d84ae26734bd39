"""A gateway with consumers of two domains, shared by the tests of one process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from schemas.settings import Settings
from schemas.streams import Streams
from tests.conftest import own_prefix
from tests.gateway.system import HttpClient, consuming, gateway_settings, serving
from transport.connection import connect


@pytest.fixture(scope="session")
def shared_settings(redis_url: str) -> Iterator[tuple[Settings, Settings]]:
    """Settings of housing and obesity under a prefix of the session."""
    with own_prefix(redis_url) as prefix:
        yield gateway_settings(redis_url, prefix), gateway_settings(redis_url, prefix, "obesity")


@pytest.fixture(scope="session")
def gateway(shared_settings: tuple[Settings, Settings], redis_url: str) -> Iterator[HttpClient]:
    """A gateway on loopback, without keys, whose consumers score."""
    with consuming(redis_url, *shared_settings), serving(shared_settings) as client:
        yield client


@pytest.fixture
def shared_streams(shared_settings: tuple[Settings, Settings]) -> Streams:
    """The keys of housing under the prefix of the session."""
    return shared_settings[0].streams


@pytest.fixture(scope="session")
def shared_redis(redis_url: str) -> Iterator[redis.Redis]:
    """A client of the session."""
    with connect(redis_url) as client:
        yield client
