"""The first champion of a domain: whether there is one, and the training that makes it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable

from registry.location import database_of, tracking_uri_of
from schemas.command_line import spell_command
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from tasador.machine.home import process_environment
from tasador.machine.running_system import open_redis
from tasador.machine.supervision import tasador_command

_POLL_S = 0.1


def describe_missing_champion(domain: str) -> str:
    """What to do where a domain has no model."""
    return f"{domain} has no model: its consumers wait until `{spell_command('train', domain)}` promotes one"


def has_registry(settings: Settings) -> bool:
    """Whether there may be models; opening an SQLite store would create it, which is slow."""
    database = database_of(tracking_uri_of(settings))
    return database is None or database.exists()


def ensure_champion(settings: Settings, domain: str, watch: Callable[[], object]) -> bool:
    """Train a champion quickly if the domain has none; the training writes to this process's terminal.

    Args:
        settings: with the address of Redis.
        domain: its name.
        watch: called about ten times a second meanwhile; its errors end the training.

    Returns:
        Whether there is a champion now.

    Raises:
        ConfigurationError: the training cannot start.
    """
    if has_registry(settings) and _has_active_model(settings, domain):
        return True
    command = tasador_command("train", "--quick", "--unless-champion", "--domain", domain)
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=process_environment(settings)) as training:
        try:
            while training.poll() is None:
                watch()
                time.sleep(_POLL_S)
        except BaseException:
            training.terminate()
            raise
    if training.returncode == os.EX_CONFIG:
        raise ConfigurationError(f"the first training of {domain} cannot start, for the reason above")
    return training.returncode == 0


def _has_active_model(settings: Settings, domain: str) -> bool:
    """Whether a model was activated before; checked first, because importing the registry is slow."""
    with open_redis(settings) as client:
        return bool(client.exists(settings.for_domain(domain).streams.model))
