"""Where the running system is: the settings completed by what `tasador up` left in `run.json`."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import redis
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from schemas.errors import ConfigurationError
from schemas.settings import Settings, load_settings
from transport.connection import connect

RUN_FILE = "run.json"


class RunningSystem(BaseModel):
    """What a running system tells the other commands.

    Attributes:
        pid: of the process that started the parts.
        redis_url: where its Redis answers.
        mlflow_uri: its tracking URI.
        parts: part name -> its HTTP address (`/readyz`, `/metrics`), where it has one.
    """

    model_config = ConfigDict(frozen=True)

    pid: int
    redis_url: str
    mlflow_uri: str
    parts: dict[str, str] = {}


def read_running_system(home: Path) -> RunningSystem | None:
    """The running system of that home folder; None where there is none or its process has gone."""
    try:
        run = RunningSystem.model_validate_json((home / RUN_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None
    return run if psutil.pid_exists(run.pid) else None


def write_running_system(home: Path, run: RunningSystem) -> None:
    """Leave the address for other commands; replaces the file at once, so that nobody reads half of it."""
    path = home / RUN_FILE
    part = path.with_suffix(".part")
    part.touch(mode=0o600)  # the address may hold a password
    part.write_text(json.dumps(run.model_dump(), indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def remove_running_system(home: Path) -> None:
    """Forget the address."""
    (home / RUN_FILE).unlink(missing_ok=True)


def find_settings(domain: str | None = None) -> Settings:
    """The settings of a command: params.yaml, the environment, and the running system for what these leave open.

    Raises:
        ConfigurationError: a setting is wrong, or no Redis is named and none runs.
    """
    settings = load_settings(domain=domain)
    run = read_running_system(settings.home)
    found: dict[str, object] = {}
    if run is not None and settings.redis_url is None:
        found = {"redis_url": SecretStr(run.redis_url), "mlflow_uri": settings.mlflow_uri or run.mlflow_uri}
    settings = settings.model_copy(update=found)
    if settings.redis_url is None:
        raise ConfigurationError(
            "no Redis: set TASADOR_REDIS_URL, or start the system with `tasador up` "
            f"(looked in {settings.home / RUN_FILE})"
        )
    return settings


def redis_url(settings: Settings) -> str:
    """The Redis URL of settings that `find_settings` made."""
    if settings.redis_url is None:
        raise ConfigurationError("no Redis: set TASADOR_REDIS_URL")
    return settings.redis_url.get_secret_value()


def open_redis(settings: Settings) -> redis.Redis:
    """A client for the Redis that the settings name."""
    return connect(redis_url(settings))
