"""The machine on which figures were made, and the versions of what made them."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
import redis
from pydantic import BaseModel, ConfigDict

MODEL_PACKAGES = ("numpy", "scikit-learn", "scipy")
"""What models depend on, beside XGBoost."""
PACKAGES = ("faststream", "hiredis", "msgspec", "numpy", "pydantic", "redis", "uvloop")
XGBOOST = ("xgboost-cpu", "xgboost")
"""The same package under two names."""


class Machine(BaseModel):
    """Where a benchmark ran.

    Attributes:
        system: operating system and architecture.
        processor: its model.
        cores: as the operating system counts them; all that takes part shares them.
        memory_bytes: of the machine.
        load: processes that wanted a core before the start, over five minutes; more than a little disturbs.
        versions: by name, Python and the server's included.
    """

    model_config = ConfigDict(frozen=True)

    system: str
    processor: str
    cores: int
    memory_bytes: int
    load: float
    versions: dict[str, str]


def describe_machine(client: redis.Redis | None = None) -> Machine:
    """This machine; with the server that the client speaks to, or what models depend on where no client is given."""
    versions = {"python": platform.python_version()} | (_server(client) if client else {})
    packages = PACKAGES if client else MODEL_PACKAGES
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=psutil.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        load=round(os.getloadavg()[1], 2),
        versions=versions | {name: version(name) for name in packages} | {"xgboost": _xgboost()},
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


def _xgboost() -> str:
    for name in XGBOOST:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return ""
