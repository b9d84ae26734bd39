from __future__ import annotations

from tests.models import own_model, small_model

__all__ = ["own_model", "small_model"]
