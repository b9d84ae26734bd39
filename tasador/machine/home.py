"""The home folder of one machine: its lock, and the environment of the processes that use it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from schemas.errors import ConfigurationError, SupervisorError
from schemas.settings import PREFIX, Settings, load_settings


class HomeLock:
    """A lock on a home folder, held by the one process that runs the system there. The kernel releases it at the end.

    Raises:
        SupervisorError: another process holds the lock.
        ConfigurationError: the folder cannot be used.
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
            raise SupervisorError(
                f"a system is already running in {home} (pid {pid}): `tasador status` shows it, `tasador up --domain "
                "NAME` adds a domain to it, `tasador down` stops it; TASADOR_HOME chooses another folder"
            ) from error
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def find_home() -> Path:
    """The home folder, also while another setting is wrong, so that a running system can be stopped."""
    try:
        return load_settings().home
    except ConfigurationError:
        return Path(os.environ.get(f"{PREFIX}HOME", Settings.model_fields["home"].default))


def process_environment(settings: Settings) -> dict[str, str]:
    """The environment of a child process: this process's, with the addresses in these settings.

    A None in the settings removes the variable, so that a child uses the same addresses as the system.
    """
    addresses = {
        f"{PREFIX}HOME": str(settings.home.absolute()),
        f"{PREFIX}REDIS_URL": settings.redis_url.get_secret_value() if settings.redis_url else None,
        f"{PREFIX}MLFLOW_URI": settings.mlflow_uri,
        f"{PREFIX}PREFIX": settings.prefix,
    }
    merged = os.environ | addresses
    return {name: value for name, value in merged.items() if value is not None}
