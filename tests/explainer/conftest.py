"""Fixtures of the explainer's tests."""

from tests.models import small_model

__all__ = ["small_model"]
