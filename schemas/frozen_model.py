"""The base of records that do not change once they are built."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """A pydantic model whose fields cannot be assigned."""

    model_config = ConfigDict(frozen=True)
