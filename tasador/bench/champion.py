"""Champions of the user's registry, copied into the benchmark's registry to be measured beside the reference."""

from __future__ import annotations

import re

from registry.location import database_of, tracking_uri_of
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.errors import ConfigurationError
from schemas.settings import Settings, load_settings
from tasador.bench.model import register_folder
from tasador.bench.rig import Rig, settings_for

DOMAIN_OF_CLASSES = "obesity"
_MODEL_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<version>\d+)|@(?P<alias>[^/@]+))")


def find_champion(settings: Settings, model_uri: str | None = None) -> ModelVersionInfo | None:
    """The named version, else the champion; None if there is no champion.

    Args:
        settings: the user's, for the domain whose listings are drained.
        model_uri: in MLflow's form, ``models:/housing/3`` or ``models:/housing@champion``.

    Raises:
        ConfigurationError: the URI is malformed or names another domain's model.
        ModelNotFoundError: the named version does not exist.
        RegistryUnavailableError: MLflow does not answer.
    """
    tracking_uri = tracking_uri_of(settings)
    registry = Registry(tracking_uri, settings.domain)
    if model_uri is not None:
        parts = _MODEL_URI.fullmatch(model_uri)
        if parts is None or parts["name"] != settings.domain:
            raise ConfigurationError(
                f"--model {model_uri}: must be models:/{settings.domain}/VERSION or models:/{settings.domain}@ALIAS"
            )
        return (
            registry.resolve(version=parts["version"]) if parts["version"] else registry.resolve(alias=parts["alias"])
        )
    database = database_of(tracking_uri)
    if database is not None and not database.exists():
        return None
    return registry.find_champion()


def copy_champion(champion: ModelVersionInfo, owner: Settings, settings: Settings, run_id: str) -> ModelVersionInfo:
    """Register a copy in the benchmark's home, because consumers load models only from their own registry.

    Args:
        champion: the version.
        owner: settings of the registry that it is in.
        settings: the benchmark's.
        run_id: a run of the benchmark's registry, to which the copy is attached.

    Raises:
        ModelRejectedError: the files differ from what was registered, or cannot be loaded here.
        RegistryUnavailableError: MLflow does not answer.
    """
    with Registry(tracking_uri_of(owner), owner.domain).downloaded(champion) as folder:
        return register_folder(settings, folder, run_id)


def find_rig_of_classes(rig: Rig) -> Rig | None:
    """A rig beside another one for the user's domain of classes, with its champion; None if there is no champion.

    Raises:
        ModelRejectedError: as `copy_champion`.
        RegistryUnavailableError: MLflow does not answer.
    """
    owner = load_settings(domain=DOMAIN_OF_CLASSES)
    champion = find_champion(owner)
    if champion is None:
        return None
    declared = owner.domains.get(DOMAIN_OF_CLASSES)  # a built-in domain need not be
    settings = settings_for(rig.url, rig.settings.home, DOMAIN_OF_CLASSES, declared.path if declared else None)
    return Rig(rig.url, settings, copy_champion(champion, owner, settings, rig.model.run_id))
