"""Loads a registered version into this process."""

from __future__ import annotations

from pathlib import Path

from registry.cache import ModelCache
from registry.loading import load_to_serve
from registry.location import cache_folder_of, tracking_uri_of
from registry.stages import CHAMPION
from registry.store import Registry
from schemas.settings import Settings
from tasador.machine.running_system import load_registry_settings
from tasador.prediction.local_model import LocalModel


def load_model(version: str | int | None = None, *, alias: str = CHAMPION, domain: str | None = None) -> LocalModel:
    """Load a version, with all checks that a consumer makes.

    Args:
        version: its number.
        alias: that points to it, if no version is given.
        domain: of the model; by default that of params.yaml.

    Raises:
        ConfigurationError: a setting is wrong, or there is no such domain.
        ModelNotFoundError: there is no such version or alias.
        ModelRejectedError: it did not pass a check.
        RegistryUnavailableError: MLflow does not answer.
    """
    return load_local_model(load_registry_settings(domain), None if version is None else str(version), alias)


def load_local_model(settings: Settings, version: str | None, alias: str = CHAMPION) -> LocalModel:
    """As `load_model`, with settings that have been read."""
    uri, domain = tracking_uri_of(settings), settings.load_domain()
    registry = Registry(uri, settings.domain)
    info = registry.resolve(version=version) if version is not None else registry.resolve(alias=alias)
    folder: Path = ModelCache(cache_folder_of(settings), uri).fetch(info.desired("0-0"))
    return LocalModel(info.version, domain, settings, folder, load_to_serve(folder, domain))
