"""Fixtures for seeded fault rounds, and the record of their figures.

``SEED=`` makes a run repeatable, ``ROUNDS=`` repeats every fault with another seed.
"""

from __future__ import annotations

import json
import os
import platform
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faults.harness import ROOT, Round, wait_for
from tests.faults.proxy import FaultyProxy
from tests.redis_cluster import RedisCluster

RECORD = ROOT / ".tasador" / "faults.json"
_SEED = int(os.environ.get("SEED") or 1)
_ROUNDS = int(os.environ.get("ROUNDS") or 1)
_FIGURES = pytest.StashKey[dict[str, Any]]()

StartRound = Callable[..., Round]
StartProxy = Callable[[str], FaultyProxy]
Record = Callable[[dict[str, Any]], None]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every fault test ROUNDS times, each time with another seed."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(_SEED, _SEED + _ROUNDS))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the figures of the last round of each fault, for `docs/guarantees.md`."""
    if figures := session.config.stash.get(_FIGURES, None):
        machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
        before = json.loads(RECORD.read_text(encoding="utf-8"))["faults"] if RECORD.exists() else {}
        record = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": machine,
            "seed": _SEED,
            "faults": before | figures,
        }
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def whole_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"), 3, replicas=1)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(whole_cluster: RedisCluster) -> RedisCluster:
    """The cluster, complete again after the test before."""
    wait_for(whole_cluster.is_replicated, "every node serves")
    return whole_cluster


@pytest.fixture
def lone_masters(tmp_path: Path) -> Iterator[RedisCluster]:
    """Three masters without replicas, so that the slots of one that is killed have no node."""
    cluster = RedisCluster(tmp_path / "cluster", 3)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def start_round(seed: int, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StartRound]:
    """Starts a round on a Redis: ``start_round(url, rate=500, claim_idle_ms=1000)``."""
    rounds: list[Round] = []

    def start(url: str, prefix: str = "", **options: Any) -> Round:
        prefix = prefix or f"fault-{uuid.uuid4().hex[:8]}"
        rounds.append(Round(request.node.originalname, url, prefix, tmp_path, seed, **options))
        return rounds[-1]

    yield start
    for each in rounds:
        each.destroy()


@pytest.fixture
def start_proxy() -> Iterator[StartProxy]:
    """Starts a proxy in front of a Redis."""
    proxies: list[FaultyProxy] = []

    def start(url: str) -> FaultyProxy:
        proxies.append(FaultyProxy(url).__enter__())
        return proxies[-1]

    yield start
    for each in proxies:
        each.__exit__(None, None, None)


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Records the figures of a round under the test's name, and adds those of further rounds."""
    recorded = request.config.stash.setdefault(_FIGURES, {})

    def add(figures: dict[str, Any]) -> None:
        kept = recorded.setdefault(request.node.nodeid.partition("[")[0], {})
        for name, number in figures.items():
            kept[name] = kept.get(name, 0) + number

    return add
