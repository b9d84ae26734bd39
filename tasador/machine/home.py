"""The home folder of one machine: who runs in it, and the settings of what runs in it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from schemas.errors import ConfigurationError
from schemas.settings import PREFIX, Settings


class HomeLock:
    """The right to run the system of a home folder; only one process has it, and it ends with that process.

    Raises:
        ConfigurationError: another process has it, or the folder cannot be used.
    """

    def __init__(self, home: Path) -> None:
        path = home / "lock"
        try:
            home.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{home}: cannot be used as home folder: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            pid = self._file.read().strip() or "unknown"
            self._file.close()
            raise ConfigurationError(
                f"a system runs in {home} already (pid {pid}): stop it first, or set TASADOR_HOME to another folder"
            ) from error
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment of a part: this process's, with the addresses that the system has settled.

    What these settings say about addresses wins over the variables and files that a part would find by itself.
    """
    settled = {
        f"{PREFIX}HOME": str(settings.home.absolute()),
        f"{PREFIX}REDIS_URL": settings.redis_url.get_secret_value() if settings.redis_url else None,
        f"{PREFIX}MLFLOW_URI": settings.mlflow_uri,
        f"{PREFIX}PREFIX": settings.prefix,
    }
    merged = os.environ | settled
    return {name: value for name, value in merged.items() if value is not None}
