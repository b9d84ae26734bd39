"""Loads the reference of a model from the registry for the monitor, which does not ask the registry."""

from __future__ import annotations

from monitoring.monitor.reference import LoadStored, StoredReference
from registry.cache import ModelCache
from registry.calibration import read_calibration
from registry.folder import read_card, read_reference
from registry.location import cache_folder_of, tracking_uri_of
from schemas.settings import Settings
from schemas.states import DesiredModel


def reference_loader(settings: Settings) -> LoadStored:
    """A function that loads a model's reference through the model cache of this machine."""
    cache = ModelCache(cache_folder_of(settings), tracking_uri_of(settings))

    def load(desired: DesiredModel) -> StoredReference:
        folder = cache.fetch(desired)
        return StoredReference(read_reference(folder), read_calibration(folder, read_card(folder)))

    return load
