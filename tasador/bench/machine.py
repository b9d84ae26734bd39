"""The machine that figures were made on, and the versions of Python, Redis and the packages that matter."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
import redis

from schemas.frozen_model import FrozenModel

MODEL_PACKAGES = ("numpy", "scikit-learn", "scipy")
"""The packages that models depend on, besides XGBoost."""
PACKAGES = ("faststream", "hiredis", "msgspec", "numpy", "pydantic", "redis", "uvloop")
XGBOOST = ("xgboost-cpu", "xgboost")
"""The same package under two names."""


class Machine(FrozenModel):
    """Where a benchmark ran.

    Attributes:
        system: operating system and architecture.
        processor: its model.
        cores: as the operating system counts them; all processes of the benchmark share them.
        memory_bytes: of the machine.
        load: load average over the five minutes before the start; a high load disturbs the figures.
        versions: by name, Python's and the Redis server's included.
    """

    system: str
    processor: str
    cores: int
    memory_bytes: int
    load: float
    versions: dict[str, str]


def describe_machine(client: redis.Redis | None = None) -> Machine:
    """This machine, with the client's Redis server, or with the models' packages if no client is given."""
    versions = {"python": platform.python_version()} | (_server(client) if client else {})
    packages = PACKAGES if client else MODEL_PACKAGES
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=psutil.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        load=round(os.getloadavg()[1], 2),
        versions=versions | {name: version(name) for name in packages} | {"xgboost": xgboost_version()},
    )


def _server(client: redis.Redis) -> dict[str, str]:
    server: Any = client.info("server")
    name = server.get("server_name", "redis")
    return {f"{name}-server": server.get(f"{name}_version", "")}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def xgboost_version() -> str:
    """The installed version of XGBoost, under whichever name."""
    for name in XGBOOST:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return ""
