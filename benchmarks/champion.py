"""The model in charge in the user's registry, brought into the rig's to be measured beside the reference."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from registry.folder import GOLDEN_FILE, read_card, read_reference
from registry.loading import load_pipeline
from registry.location import database_of, tracking_uri_of
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.errors import ConfigurationError, ModelNotFoundError
from schemas.settings import Settings

_NAMED = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<version>\d+)|@(?P<alias>[^/@]+))")


def find_champion(settings: Settings, named: str | None = None) -> ModelVersionInfo | None:
    """A version that is named, else the champion; None where nobody is in charge.

    Args:
        settings: the user's, on the domain whose listings are drained.
        named: as MLflow writes it, ``models:/housing/3`` or ``models:/housing@champion``.

    Raises:
        ConfigurationError: this is no name, or one of another domain's model.
        ModelNotFoundError: what is named does not exist.
        RegistryUnavailableError: MLflow does not answer.
    """
    uri = tracking_uri_of(settings)
    registry = Registry(uri, settings.domain)
    if named is not None:
        found = _NAMED.fullmatch(named)
        if found is None or found["name"] != settings.domain:
            raise ConfigurationError(
                f"--model {named}: name models:/{settings.domain}/VERSION or models:/{settings.domain}@ALIAS"
            )
        return (
            registry.resolve(version=found["version"]) if found["version"] else registry.resolve(alias=found["alias"])
        )
    database = database_of(uri)
    if database is not None and not database.exists():
        return None
    try:
        return registry.resolve()
    except ModelNotFoundError:
        return None


def adopt(champion: ModelVersionInfo, owner: Settings, settings: Settings, run_id: str) -> ModelVersionInfo:
    """Register a copy in the rig's home, for consumers take no model from elsewhere.

    Args:
        champion: the version.
        owner: settings of the registry that it is in.
        settings: the rig's.
        run_id: a run of the rig's registry, to which the copy is said to belong.

    Returns:
        It as the rig's registry knows it.

    Raises:
        ModelRejectedError: it is not what was registered, or cannot be loaded here.
        RegistryUnavailableError: MLflow does not answer.
    """
    import pandas as pd

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        Registry(tracking_uri_of(owner), owner.domain).download(champion, folder)
        pipeline, card, golden = load_pipeline(folder), read_card(folder), pd.read_parquet(folder / GOLDEN_FILE)
        registry = Registry(tracking_uri_of(settings), settings.domain)
        return registry.register(pipeline, card, golden, read_reference(folder), run_id=run_id)
