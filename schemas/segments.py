"""Segments: parts of a table for which a domain wants to know separately how good its predictions are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.errors import DomainError


@dataclass(frozen=True, slots=True)
class Segment:
    """A feature by which rows are told apart.

    Attributes:
        column: the feature's name.
        parts: into how many parts of equally many rows a number is cut (3 for terciles, by the training rows); 0 where
            every value is a part of its own.
    """

    column: str
    parts: int = 0


def check_segments(
    domain_name: str, segments: Iterable[Segment], numbers: Iterable[str], others: Iterable[str]
) -> None:
    """Check that segments name features, and that numbers are cut into parts and nothing else is.

    Args:
        domain_name: for the message.
        segments: as the domain declares them.
        numbers: names of the features that are numbers.
        others: names of the integers and categories.

    Raises:
        DomainError: they do not.
    """
    numbers, others = set(numbers), set(others)
    for segment in segments:
        where = f"domain {domain_name}, segment {segment.column}"
        if segment.column not in numbers | others:
            raise DomainError(f"{where}: there is no such feature")
        if segment.column in numbers and segment.parts < 2:  # noqa: PLR2004 - one part is no part
            raise DomainError(f"{where}: say into how many parts the number is cut, two at least")
        if segment.parts and segment.column not in numbers:
            raise DomainError(f"{where}: each value is a part of its own; only numbers are cut")
