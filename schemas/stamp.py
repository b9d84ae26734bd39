"""The stamp of a prediction: which model made it, in the fast form of `schemas.events.ModelStamp`."""

from __future__ import annotations

import msgspec


class Stamp(msgspec.Struct, gc=False):
    """A model's version in the registry, and the activation that made it the desired model."""

    version: str
    activation: str
