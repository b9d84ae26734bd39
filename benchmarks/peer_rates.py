"""The peers' rates beside the consumer's; they run in an environment of their own, which `make bench-peers` makes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from benchmarks.rig import Rig
from schemas.errors import BenchmarkError

PYTHON = Path(".venv-peers/bin/python")
SECONDS = 10.0
TITLES = {
    "fastapi": "FastAPI, one listing a request",
    "mlserver": "MLServer, adaptive batching",
    "bentoml": "BentoML, adaptive batching",
    "streaq": "streaq, one task a listing",
}
_PATIENCE_S = 300.0
_WITH_FUNCTIONS = 7
"""From this version on Redis has functions, which streaq needs."""


class Peer(BaseModel):
    """What another way to serve the same model reaches.

    Attributes:
        name: short; so with `title`, for a person.
        events_per_s: answers a second.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    events_per_s: float


def measure_peers(rig: Rig, tell: Callable[[str], object], python: Path = PYTHON) -> list[Peer]:
    """Measure those peers that can run beside this Redis.

    Raises:
        BenchmarkError: there is no environment, or a peer does not answer.
    """
    if not python.exists():
        raise BenchmarkError(f"no {python}: `make bench-peers` makes it")
    server: Any = rig.client.info("server")
    names = [
        name for name in TITLES if name != "streaq" or int(server["redis_version"].split(".")[0]) >= _WITH_FUNCTIONS
    ]
    command = [str(python), "-m", "benchmarks.peers", str(rig.booster), rig.url, str(SECONDS), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    if done.returncode:
        raise BenchmarkError(f"the peers cannot be measured: {done.stderr.strip().splitlines()[-1]}")
    rates: dict[str, float] = json.loads(done.stdout)
    for name, rate in rates.items():
        tell(f"{TITLES[name]}: {rate:,.0f} events/s")
    return [Peer(name=name, title=TITLES[name], events_per_s=rate) for name, rate in rates.items()]
