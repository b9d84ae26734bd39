"""How whoever asked for a training learns how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

Progress = Callable[[str], None]
"""Is told, in a sentence, how far something is."""


class Step(str):
    """A sentence that also says how much of something is done, for whoever draws a bar.

    Attributes:
        name: of what is counted.
        done: how many there were so far.
        total: how many there will be at most.
    """

    __slots__ = ("done", "name", "total")
    name: str
    done: int
    total: int

    def __new__(cls, name: str, done: int, total: int, more: str = "") -> Self:
        """The sentence; `more` stands at its end."""
        made = super().__new__(cls, f"{name}: {done} of {total}{more}")
        made.name, made.done, made.total = name, done, total
        return made


def silent(_: str) -> None:
    """For whoever does not want to know."""
