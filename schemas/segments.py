"""Segments: features that split a table into parts whose quality is reported separately."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.errors import DomainError


@dataclass(frozen=True, slots=True)
class Segment:
    """A feature that splits rows into parts.

    Attributes:
        column: the feature's name.
        parts: the number of quantile bins of a number, by the training rows (3 for terciles); 0 if each value is its
            own part.
    """

    column: str
    parts: int = 0


def check_segments(
    domain_name: str, segments: Iterable[Segment], numbers: Iterable[str], others: Iterable[str]
) -> None:
    """Check that segments name features, and that exactly the numbers are cut into parts.

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
        subject = f"domain {domain_name}, segment {segment.column}"
        if segment.column not in numbers | others:
            raise DomainError(f"{subject}: there is no such feature")
        if segment.column in numbers and segment.parts < 2:  # noqa: PLR2004 - one part would be the whole table
            raise DomainError(f"{subject}: a number needs `parts`, at least 2")
        if segment.parts and segment.column not in numbers:
            raise DomainError(f"{subject}: `parts` is only for numbers; each value of other features is a part")
