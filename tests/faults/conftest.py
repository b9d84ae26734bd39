"""Rounds on a Redis of the test's own, seeded, and the record of what they saw.

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

from tests.faults.harness import ROOT, Round
from tests.faults.proxy import FaultyProxy

RECORD = ROOT / ".tasador" / "faults.json"
_SEED = int(os.environ.get("SEED") or 1)
_ROUNDS = int(os.environ.get("ROUNDS") or 1)
_FOUND = pytest.StashKey[dict[str, Any]]()

StartRound = Callable[..., Round]
Proxy = Callable[[str], FaultyProxy]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every fault as often as asked, each time with a seed of its own."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(_SEED, _SEED + _ROUNDS))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave the figures of the last round of each fault, for `docs/guarantees.md`."""
    if found := session.config.stash.get(_FOUND, None):
        machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
        before = json.loads(RECORD.read_text(encoding="utf-8"))["faults"] if RECORD.exists() else {}
        record = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine, "seed": _SEED, "faults": before | found}
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


@pytest.fixture
def start_round(seed: int, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StartRound]:
    """Makes the test's round on a Redis: ``start_round(url, rate=500, claim_idle_ms=1000)``."""
    rounds: list[Round] = []

    def start(url: str, **options: Any) -> Round:
        prefix = f"fault-{uuid.uuid4().hex[:8]}"
        rounds.append(Round(request.node.originalname, url, prefix, tmp_path, seed, **options))
        return rounds[-1]

    yield start
    for each in rounds:
        each.destroy()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Puts a proxy before a Redis."""
    proxies: list[FaultyProxy] = []

    def start(url: str) -> FaultyProxy:
        proxies.append(FaultyProxy(url).__enter__())
        return proxies[-1]

    yield start
    for each in proxies:
        each.__exit__(None, None, None)


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[[dict[str, Any]], None]:
    """Notes the figures of a round under the test's name; those of further rounds are added."""
    found = request.config.stash.setdefault(_FOUND, {})

    def note(figures: dict[str, Any]) -> None:
        kept = found.setdefault(request.node.nodeid.partition("[")[0], {})
        for word, number in figures.items():
            kept[word] = kept.get(word, 0) + number

    return note
