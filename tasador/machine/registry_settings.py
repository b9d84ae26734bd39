"""Settings for commands that need the registry but not Redis."""

from __future__ import annotations

from schemas.settings import Settings, load_settings
from tasador.machine.running_system import read_running_system


def load_registry_settings(domain: str | None = None) -> Settings:
    """The settings, completed by the running system's tracking URI if none is set.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    settings = load_settings(domain=domain)
    system = read_running_system(settings.home)
    if system is None or settings.mlflow_uri is not None:
        return settings
    return settings.model_copy(update={"mlflow_uri": system.mlflow_uri})
