"""The answer book: which entries were published, in order, and what each was answered, on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from schemas.errors import DataError
from transport.entries import EntryId

CACHE_KIB = 8192
SHOWN = 3


class _Model(msgspec.Struct):
    version: str


class _Problem(msgspec.Struct):
    field: str
    message: str


class BookAnswer(msgspec.Struct, omit_defaults=True):
    """What an answer says, of any kind; the payload of a dead letter is left out."""

    listing_id: str | None = None
    listing_source: str = ""
    prediction: float | str | None = None
    model: _Model | None = None
    imputed: list[str] = []
    unusual: list[str] = []
    confidence: float | None = None
    probabilities: dict[str, float] = {}
    labels: dict[str, str] = {}
    reason: str | None = None
    errors: list[_Problem] = []


Kind = Literal["scored", "refused", "repeat", "repeated"]
"""A `repeat` was dropped, and becomes `repeated` when what was predicted for its listing before has been found."""


class Told(NamedTuple):
    """One answer as it was read: the entry that it answers, its kind and what it says."""

    entry_id: str
    kind: Kind
    answer: BookAnswer


class BookLine(NamedTuple):
    """One published entry, and its answer; the kind is None where there is none yet."""

    entry_id: str
    kind: Kind | None
    answer: BookAnswer


_decode = msgspec.json.Decoder(BookAnswer).decode
_encode = msgspec.json.Encoder().encode

# entry ids rise with the rows of the file, so the key is the order in which they are written out
_SCHEMA = """
CREATE TABLE lines (
    ms INTEGER, seq INTEGER, kind TEXT, listing_id TEXT, listing_source TEXT, answer BLOB, PRIMARY KEY (ms, seq)
) WITHOUT ROWID
"""
# a dead letter that an operator takes off is told a second time, by the note about that
_ANSWER = """
UPDATE lines SET kind = ?, listing_id = ?, listing_source = ?, answer = ? WHERE ms = ? AND seq = ? AND kind IS NULL
"""
_REPEAT_OF_OWN = """
UPDATE lines SET kind = 'repeated', answer = first.answer FROM lines AS first
WHERE lines.kind = 'repeat' AND first.kind = 'scored'
AND first.listing_id = lines.listing_id AND first.listing_source = lines.listing_source
"""
_REPEAT = """
UPDATE lines SET kind = 'repeated', answer = ? WHERE listing_id = ? AND listing_source = ? AND kind = 'repeat'
"""


class AnswerBook:
    """Keeps what was published and what was answered in a file, in the memory of a small cache.

    Args:
        path: of a file that does not exist; the caller removes it.

    Attributes:
        published: how many entries were noted.
        answered: how many of them have their answer.

    Raises:
        DataError: the file cannot be written, here and in all that follows.
    """

    def __init__(self, path: Path) -> None:
        self.published = 0
        self.answered = 0
        try:
            self._file = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as error:
            raise DataError(f"{path}: answers cannot be kept there: {error}") from error
        # nobody reads a half-written book: it need not survive a crash
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_KIB}"):
            self._file.execute(f"PRAGMA {pragma}")
        self._file.execute(_SCHEMA)

    def note(self, entry_ids: Iterable[str]) -> None:
        """Entries were published, in this order."""
        ids = [EntryId.parse(entry_id) for entry_id in entry_ids]
        with self._file:
            self._file.execute("BEGIN")
            self._file.executemany("INSERT INTO lines (ms, seq) VALUES (?, ?)", [(each.ms, each.seq) for each in ids])
        self.published += len(ids)

    def answer(self, told: Sequence[Told]) -> int:
        """Answers were read, in any order; those to other entries are passed over. Returns how many were ours."""
        rows = [
            (each.kind, each.answer.listing_id, each.answer.listing_source, _encode(each.answer), entry.ms, entry.seq)
            for each in told
            for entry in (EntryId.parse(each.entry_id),)
        ]
        with self._file:
            self._file.execute("BEGIN")
            ours = self._file.executemany(_ANSWER, rows).rowcount if rows else 0
        self.answered += ours
        return ours

    def resolve_own_repeats(self) -> int:
        """Give repeats the prediction of the same listing, where that was published with them; how many are left."""
        self._file.execute("CREATE INDEX IF NOT EXISTS by_listing ON lines (listing_id, listing_source)")
        self._file.execute(_REPEAT_OF_OWN)
        return int(self._file.execute("SELECT count(*) FROM lines WHERE kind = 'repeat'").fetchone()[0])

    def resolve_repeats(self, predictions: Sequence[BookAnswer]) -> int:
        """Give repeats the predictions that the same listings got before; how many repeats found theirs here."""
        rows = [(_encode(each), each.listing_id, each.listing_source) for each in predictions]
        with self._file:
            self._file.execute("BEGIN")
            return self._file.executemany(_REPEAT, rows).rowcount

    def missing(self) -> list[str]:
        """A few of the entries that have no answer, oldest first."""
        found = self._file.execute("SELECT ms, seq FROM lines WHERE kind IS NULL ORDER BY ms, seq LIMIT ?", (SHOWN,))
        return [f"{ms}-{seq}" for ms, seq in found]

    def kinds(self) -> dict[str, int]:
        """How many answers there are of each kind."""
        return dict(self._file.execute("SELECT kind, count(*) FROM lines WHERE kind IS NOT NULL GROUP BY kind"))

    def __iter__(self) -> Iterator[BookLine]:
        """Every entry in the order in which it was published."""
        for ms, seq, kind, answer in self._file.execute("SELECT ms, seq, kind, answer FROM lines ORDER BY ms, seq"):
            yield BookLine(f"{ms}-{seq}", kind, _decode(answer) if answer else BookAnswer())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
