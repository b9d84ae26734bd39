"""A local S3 server, and the audit log of one test in a bucket of its own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
import redis
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from schemas.settings import load_settings
from schemas.streams import Streams
from tests.monitoring.archive.archive_fixture import ArchiveFixture

__all__ = ["bucket", "s3_url", "stored"]


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The address of the server, which lives as long as the client that this process keeps."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a new bucket, for which the environment has the address and credentials."""
    variables = {"ACCESS_KEY_ID": "tests", "SECRET_ACCESS_KEY": "tests", "ENDPOINT_URL": s3_url}
    for name, value in {**variables, "DEFAULT_REGION": "us-east-1", "EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    name = f"log-{uuid.uuid4().hex}"
    objects: Any = fsspec.filesystem("s3")
    objects.mkdir(name)
    return f"s3://{name}"


@pytest.fixture
async def stored(
    redis_client: redis.Redis, streams: Streams, redis_url: str, tmp_path: Path, bucket: str
) -> AsyncIterator[ArchiveFixture]:
    """The streams and the audit log of one test, which is in the bucket, in files of four rows."""
    settings = load_settings(prefix=streams.prefix, redis_url=SecretStr(redis_url), home=tmp_path)
    archive = settings.archive.model_copy(update={"rows_per_file": 4, "folder": f"{bucket}/logs"})
    fixture = ArchiveFixture(redis_client, streams, settings.model_copy(update={"archive": archive}))
    yield fixture
    await fixture.redis.aclose()
