"""Tasador scores a stream: listings in, one prediction each out, with models swapped while they flow.

Clients import from here; a name's module is imported when the name is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from producer import AsyncListingPublisher, FeatureWriter, ListingPublisher, Reconnection
    from schemas.errors import NotAnsweredError
    from schemas.events import DeadLetter, Listing, Prediction, Repeat
    from schemas.stored_features import StoredFeatures
    from tasador.prediction.loading import load_model

__version__ = "0.1.0"
__all__ = [
    "AsyncListingPublisher",
    "DeadLetter",
    "FeatureWriter",
    "Listing",
    "ListingPublisher",
    "NotAnsweredError",
    "Prediction",
    "Reconnection",
    "Repeat",
    "StoredFeatures",
    "__version__",
    "load_model",
]

_HOMES = {
    "AsyncListingPublisher": "producer",
    "DeadLetter": "schemas.events",
    "FeatureWriter": "producer",
    "Listing": "schemas.events",
    "ListingPublisher": "producer",
    "NotAnsweredError": "schemas.errors",
    "Prediction": "schemas.events",
    "Reconnection": "producer",
    "Repeat": "schemas.events",
    "load_model": "tasador.prediction.loading",
    "StoredFeatures": "schemas.stored_features",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
