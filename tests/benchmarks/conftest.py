from __future__ import annotations

from tests.models import small_model

__all__ = ["small_model"]
