"""Entry ids: Redis's milliseconds and a sequence number, in the order of the stream."""

from __future__ import annotations

from typing import NamedTuple

LATEST_MS = 253_402_300_799_999
"""The last moment of the year 9999: later ones are no dates."""


class EntryId(NamedTuple):
    """An entry id; compares as Redis orders entries."""

    ms: int
    seq: int

    @classmethod
    def parse(cls, text: str | bytes) -> EntryId:
        """Read ``1795219101518-0``.

        Raises:
            ValueError: it is no entry id.
        """
        ms, _, seq = (text.decode() if isinstance(text, bytes) else text).partition("-")
        return cls(int(ms), int(seq or 0))

    @classmethod
    def of_name(cls, name: str) -> EntryId:
        """The id in the name of an entry (`schemas.shards.entry_name`); raises as `parse`."""
        return cls.parse(name.partition("@")[0])

    def age_ms(self, at_ms: int) -> int | None:
        """How old the entry was at a time of Redis's clock; None if its id is later.

        The id is later if the publisher chose it, or if the clock was set back. Redis then gives ids after that one to
        all entries that follow, until its clock has caught up, so their ages are unknown as well.
        """
        return at_ms - self.ms if self.ms <= at_ms else None

    @property
    def moment_ms(self) -> int:
        """When the entry was written, as far as a date can say it: an id that a publisher chose may be any number."""
        return min(self.ms, LATEST_MS)

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"
