"""The settings of commands that need the registry and can do without Redis."""

from __future__ import annotations

from schemas.settings import Settings, load_settings
from tasador.machine.running_system import read_running_system


def registry_settings(domain: str | None = None) -> Settings:
    """The settings, with the tracking URI of the running system where nothing else names one.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    settings = load_settings(domain=domain)
    run = read_running_system(settings.home)
    if run is None or settings.mlflow_uri is not None:
        return settings
    return settings.model_copy(update={"mlflow_uri": run.mlflow_uri})
