"""Entry ids: Redis's milliseconds and a sequence number, in the order of the stream."""

from __future__ import annotations

from typing import NamedTuple


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

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"
