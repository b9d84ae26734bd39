"""The streams and the audit log of one test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr

from schemas.settings import load_settings
from schemas.streams import Streams
from tests.monitoring.archive.archive_fixture import ArchiveFixture


@pytest.fixture
async def archive(
    redis_client: redis.Redis, streams: Streams, redis_url: str, tmp_path: Path
) -> AsyncIterator[ArchiveFixture]:
    settings = load_settings(prefix=streams.prefix, redis_url=SecretStr(redis_url), home=tmp_path)
    small_files = settings.archive.model_copy(update={"rows_per_file": 4})
    fixture = ArchiveFixture(redis_client, streams, settings.model_copy(update={"archive": small_files}))
    yield fixture
    await fixture.redis.aclose()
