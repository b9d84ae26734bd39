"""Fixtures for all tests: a Redis, a unique key prefix, the rows of Boston housing."""

from __future__ import annotations

import logging
import os
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from schemas.settings import PREFIX
from schemas.streams import Streams
from tests.docker_engine import HOW
from tests.listings import Row, read_boston_rows
from tests.redis_server import NO_REDIS_6_2, RedisServer, redis_6_2_binary
from tests.session_redis import SessionRedis, find_image, need_private_server, start_session_redis
from transport.connection import connect

StartRedis = Callable[..., RedisServer]

# test processes share the cores: OpenMP's threads must not spin while they wait for work
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# many images switch the cache of bytecode off; then each process of the tests would compile the product anew, and each
# process of pytest all tests
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# pytest-xdist sets a size, which a console would keep for good; tests set the width that they need
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)

# tests that a shell runs in the background ignore SIGINT, and so would the commands that they start
signal.signal(signal.SIGINT, signal.default_int_handler)

_SERVER = pytest.StashKey[SessionRedis]()


def _server(config: pytest.Config) -> SessionRedis:
    if _SERVER not in config.stash:
        config.stash[_SERVER] = start_session_redis()
    return config.stash[_SERVER]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--need-engine`, for runs that must not skip what needs a Docker engine."""
    parser.addoption("--need-engine", action="store_true", help="fail at once where no Docker engine has a Redis image")


def pytest_configure(config: pytest.Config) -> None:
    """Stop with one line if an engine is required and there is none."""
    if config.getoption("need_engine"):
        image, error = find_image()
        if image is None:
            raise pytest.UsageError(f"needs a Docker engine with an image of Redis ({error}): {HOW}")


def pytest_report_header(config: pytest.Config) -> str:
    """Report the Redis on which the tests run."""
    if config.getoption("numprocesses", None):
        need_private_server()  # reports a missing server once, not in each test
        return "redis: one for each process, started when a test needs it"
    return f"redis: {_server(config).description}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the session's Redis."""
    if server := config.stash.get(_SERVER, None):
        server.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with long modules, so that the processes finish at about the same time."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings of the user's environment."""
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(variable)


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Undo what a command has set up: later tests would log to a standard error that is closed by then."""
    root, framework = logging.getLogger(), logging.getLogger("faststream")
    before = root.handlers[:], root.level, framework.handlers[:], framework.propagate
    yield
    root.handlers[:], framework.handlers[:], framework.propagate = before[0], before[2], before[3]
    root.setLevel(before[1])
    logging.captureWarnings(capture=False)
    for name in ("alembic", "uvicorn", "urllib3"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def redis_url(pytestconfig: pytest.Config) -> str:
    """Address of the session's Redis."""
    return _server(pytestconfig).url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of the session's Redis; replies are bytes."""
    with connect(redis_url) as client:
        yield client


@contextmanager
def own_prefix(redis_url: str) -> Iterator[str]:
    """A unique key prefix; its keys are deleted afterwards."""
    prefix = f"test-{uuid.uuid4().hex[:12]}"
    yield prefix
    with connect(redis_url) as client:
        for keys in iter(lambda: list(client.scan_iter(f"{prefix}*", count=1000)), []):
            client.delete(*keys)


@pytest.fixture
def prefix(redis_url: str) -> Iterator[str]:
    """A unique key prefix; its keys are deleted afterwards."""
    with own_prefix(redis_url) as prefix:
        yield prefix


@pytest.fixture
def streams(prefix: str) -> Streams:
    """The keys under the test's prefix."""
    return Streams(prefix)


@pytest.fixture
def private_redis(tmp_path: Path) -> Iterator[StartRedis]:
    """Starts servers for tests that restart or kill theirs: ``private_redis("--appendonly", "yes")``."""
    servers: list[RedisServer] = []

    def start(*options: str, binary: Path | None = None) -> RedisServer:
        server = RedisServer(tmp_path / f"redis-{len(servers)}", *options, binary=binary)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def redis_6_2() -> Path:
    """The oldest server that the product runs on: ``private_redis(binary=redis_6_2)``."""
    binary = redis_6_2_binary()
    if binary is None:
        pytest.skip(NO_REDIS_6_2)
    return binary


@pytest.fixture(scope="session")
def boston_rows() -> list[Row]:
    """The 506 real rows of Boston housing, without the target."""
    return read_boston_rows()
