"""How whoever asked for a training learns how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
"""Is told, in a sentence, how far something is."""


def silent(_: str) -> None:
    """For whoever does not want to know."""
