"""Loads the reference rows of a model from the registry for the monitor, which does not import the registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from registry.cache import ModelCache
from registry.folder import read_reference
from registry.location import cache_folder_of, tracking_uri_of
from schemas.settings import Settings
from schemas.states import DesiredModel

if TYPE_CHECKING:
    import pandas as pd


def reference_loader(settings: Settings) -> Callable[[DesiredModel], pd.DataFrame]:
    """A function that loads a model's reference rows through the model cache of this machine."""
    cache = ModelCache(cache_folder_of(settings), tracking_uri_of(settings))
    return lambda desired: read_reference(cache.fetch(desired))
