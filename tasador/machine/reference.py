"""The reference of a model, fetched from the registry for a monitor, which knows no registry."""

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


def table_loader(settings: Settings) -> Callable[[DesiredModel], pd.DataFrame]:
    """What finds the reference of a model, through the cache that consumers on this machine use too."""
    cache = ModelCache(cache_folder_of(settings), tracking_uri_of(settings))
    return lambda desired: read_reference(cache.fetch(desired))
