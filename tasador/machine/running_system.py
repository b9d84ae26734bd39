"""The running system: its addresses in `run.json`, and the settings completed by them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import redis
from pydantic import Field, SecretStr, ValidationError

from schemas.errors import ConfigurationError
from schemas.frozen_model import FrozenModel
from schemas.settings import Settings, load_settings
from transport.connection import connect, speaking_to

RUN_FILE = "run.json"


class RunningSystem(FrozenModel):
    """Contents of `run.json`, by which other commands find the running system.

    Attributes:
        pid: of `tasador up`.
        redis_url: address of its Redis.
        mlflow_uri: its tracking URI.
        parts: process label -> HTTP address (`/readyz`, `/metrics`).
    """

    pid: int
    redis_url: str
    mlflow_uri: str
    parts: dict[str, str] = Field(default_factory=dict)


def read_running_system(home: Path) -> RunningSystem | None:
    """The running system of this home folder; None if there is none or its process has ended."""
    try:
        system = RunningSystem.model_validate_json((home / RUN_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None
    return system if psutil.pid_exists(system.pid) else None


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
    url = redis_url(settings)
    with speaking_to(url), connect(url) as client:
        yield client
