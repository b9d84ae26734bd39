"""The running system: its addresses in `run.json`, and the settings completed by them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr, ValidationError

from schemas.errors import ConfigurationError, SupervisorError
from schemas.frozen_model import FrozenModel
from schemas.settings import Settings, load_settings
from tasador.machine.identity import ProcessIdentity

if TYPE_CHECKING:
    import redis

RUN_FILE = "run.json"


def _start_of_this_process() -> float:
    return ProcessIdentity.of(os.getpid()).started


class RunningSystem(FrozenModel):
    """Contents of `run.json`, by which other commands find the running system.

    Attributes:
        pid: of `tasador up` (or `demo`), which writes the file.
        started: when that process started, as in `ProcessIdentity`.
        is_started: whether it has started everything and accepts requests (`tasador.machine.control`).
        redis_url: address of its Redis.
        mlflow_uri: its tracking URI.
        parts: process label -> HTTP address (`/readyz`, `/metrics`).
        processes: process label, or `redis` for a private one -> process.
        refused: domain that was added, but cannot run -> reason.
    """

    pid: int = Field(default_factory=os.getpid)
    started: float = Field(default_factory=_start_of_this_process)
    is_started: bool = False
    redis_url: str
    mlflow_uri: str
    parts: dict[str, str] = Field(default_factory=dict)
    processes: dict[str, ProcessIdentity] = Field(default_factory=dict)
    refused: dict[str, str] = Field(default_factory=dict)

    @property
    def supervisor(self) -> ProcessIdentity:
        """The process that writes the file."""
        return ProcessIdentity(pid=self.pid, started=self.started)

    @property
    def domains(self) -> list[str]:
        """Names of the domains that run."""
        return list(dict.fromkeys(label.partition("/")[0] for label in self.parts if "/" in label))


def read_run_file(home: Path) -> RunningSystem | None:
    """The system that `run.json` describes, even if it was killed; None if there is no readable file."""
    try:
        return RunningSystem.model_validate_json((home / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


def read_running_system(home: Path) -> RunningSystem | None:
    """The running system of this home folder; None if there is none or its process has ended."""
    system = read_run_file(home)
    return system if system is not None and system.supervisor.is_running else None


def require_running_system(home: Path) -> RunningSystem:
    """The running system of this home folder.

    Raises:
        SupervisorError: there is none.
    """
    system = read_running_system(home)
    if system is None:
        raise SupervisorError(f"no system is running in {home}: start it with `tasador up`")
    return system


def write_running_system(home: Path, system: RunningSystem) -> None:
    """Write `run.json`; the file is replaced atomically, so that no command reads a partial one."""
    path = home / RUN_FILE
    temporary = path.with_suffix(".part")
    temporary.touch(mode=0o600)  # an address may contain a password
    temporary.write_text(json.dumps(system.model_dump(), indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


def remove_running_system(home: Path) -> None:
    """Delete `run.json`."""
    (home / RUN_FILE).unlink(missing_ok=True)


def find_settings(domain: str | None = None) -> Settings:
    """The settings of a command, with the running system's addresses if params.yaml and the environment name none.

    Raises:
        ConfigurationError: a setting is wrong, or no Redis is set and no system is running.
    """
    settings = load_settings(domain=domain)
    system = read_running_system(settings.home)
    if system is not None and settings.redis_url is None:
        addresses = {"redis_url": SecretStr(system.redis_url), "mlflow_uri": settings.mlflow_uri or system.mlflow_uri}
        settings = settings.model_copy(update=addresses)
    if settings.redis_url is None:
        raise ConfigurationError(
            "no Redis: set TASADOR_REDIS_URL, or start the system with `tasador up` "
            f"(looked in {settings.home / RUN_FILE})"
        )
    return settings


def load_registry_settings(domain: str | None = None) -> Settings:
    """The settings of a command that needs no Redis, with the running system's tracking URI if none is set.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    settings = load_settings(domain=domain)
    system = read_running_system(settings.home)
    if system is None or settings.mlflow_uri is not None:
        return settings
    return settings.model_copy(update={"mlflow_uri": system.mlflow_uri})


def redis_url(settings: Settings) -> str:
    """The Redis URL of the settings.

    Raises:
        ConfigurationError: none is set.
    """
    if settings.redis_url is None:
        raise ConfigurationError("no Redis: set TASADOR_REDIS_URL")
    return settings.redis_url.get_secret_value()


@contextmanager
def open_redis(settings: Settings) -> Iterator[redis.Redis]:
    """A client for the Redis of the settings, whose errors name its address (`transport.connection.speaking_to`)."""
    # commands that need no Redis are not to wait for the import of its client
    from transport.connection import connect, speaking_to
    from transport.server import check_prefix

    url = redis_url(settings)
    check_prefix(url, settings.streams)
    with speaking_to(url), connect(url) as client:
        yield client
