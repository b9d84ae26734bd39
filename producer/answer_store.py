"""Stores on disk which entries were published, in order, and the answer to each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from schemas.errors import DataError
from schemas.shards import entry_name, split_entry
from transport.entries import EntryId

CACHE_KIB = 8192
MAX_NAMED = 3


class _Model(msgspec.Struct):
    version: str


class _FieldError(msgspec.Struct):
    field: str
    message: str


class AnswerData(msgspec.Struct, omit_defaults=True):
    """The data of an answer of any kind, without the payload of a dead letter."""

    listing_id: str | None = None
    listing_source: str = ""
    prediction: float | str | None = None
    model: _Model | None = None
    imputed: list[str] = []
    unusual: list[str] = []
    confidence: float | None = None
    probabilities: dict[str, float] = {}
    labels: dict[str, str] = {}
    interval: tuple[float, float] | None = None
    candidates: list[str] | None = None
    coverage: float | None = None
    reason: str | None = None
    errors: list[_FieldError] = []


AnswerKind = Literal["scored", "refused", "repeat", "repeated"]
"""A `repeat` was dropped; it becomes `repeated` when the earlier prediction of its listing has been found."""


class AnswerRow(NamedTuple):
    """A published entry and its answer; the kind is None, and the data empty, if there is no answer yet."""

    entry: str
    kind: AnswerKind | None
    data: AnswerData


_decode = msgspec.json.Decoder(AnswerData).decode
_encode = msgspec.json.Encoder().encode

# in each shard entry ids rise with the rows of the file
_SCHEMA = """
CREATE TABLE entries (
    shard INTEGER, ms INTEGER, seq INTEGER, number INTEGER, kind TEXT, listing_id TEXT, listing_source TEXT, data BLOB,
    PRIMARY KEY (shard, ms, seq)
) WITHOUT ROWID
"""
# a dead letter that an operator resolves is answered again by its resolution: the first answer stays
_ANSWER = """
UPDATE entries SET kind = ?, listing_id = ?, listing_source = ?, data = ?
WHERE shard = ? AND ms = ? AND seq = ? AND kind IS NULL
"""
_REPEAT_OF_OWN = """
UPDATE entries SET kind = 'repeated', data = first.data FROM entries AS first
WHERE entries.kind = 'repeat' AND first.kind = 'scored'
AND first.listing_id = entries.listing_id AND first.listing_source = entries.listing_source
"""
_REPEAT = """
UPDATE entries SET kind = 'repeated', data = ? WHERE listing_id = ? AND listing_source = ? AND kind = 'repeat'
"""


class AnswerStore:
    """Stores published entries and their answers in a file, with a small cache in memory.

    Args:
        path: of a file that does not exist; the caller removes it.

    Attributes:
        published: number of published entries.
        answered: number of entries that have an answer.

    Raises:
        DataError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.published = 0
        self.answered = 0
        try:
            self._file = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as error:
            raise DataError(f"{path}: answers cannot be stored there: {error}") from error
        # the file is temporary and need not survive a crash
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_KIB}"):
            self._file.execute(f"PRAGMA {pragma}")
        self._file.execute(_SCHEMA)

    def add_entries(self, entries: Iterable[str]) -> None:
        """Add published entries, in the order of publishing."""
        rows = [(*_key(entry), number) for number, entry in enumerate(entries, self.published)]
        with self._file:
            self._file.execute("BEGIN")
            self._file.executemany("INSERT INTO entries (shard, ms, seq, number) VALUES (?, ?, ?, ?)", rows)
        self.published += len(rows)

    def add_answers(self, answers: Sequence[AnswerRow]) -> int:
        """Add answers in any order, ignoring those to other entries. Returns the number of answers added."""
        rows = [
            (each.kind, each.data.listing_id, each.data.listing_source, _encode(each.data), *_key(each.entry))
            for each in answers
        ]
        with self._file:
            self._file.execute("BEGIN")
            added = self._file.executemany(_ANSWER, rows).rowcount if rows else 0
        self.answered += added
        return added

    def resolve_own_repeats(self) -> int:
        """Give repeats the prediction of the same listing if it is stored here. Returns the number of other repeats."""
        self._file.execute("CREATE INDEX IF NOT EXISTS by_listing ON entries (listing_id, listing_source)")
        self._file.execute(_REPEAT_OF_OWN)
        return int(self._file.execute("SELECT count(*) FROM entries WHERE kind = 'repeat'").fetchone()[0])

    def resolve_repeats(self, predictions: Sequence[AnswerData]) -> int:
        """Give repeats the earlier predictions of the same listings. Returns the number of repeats resolved."""
        rows = [(_encode(each), each.listing_id, each.listing_source) for each in predictions]
        with self._file:
            self._file.execute("BEGIN")
            return self._file.executemany(_REPEAT, rows).rowcount

    def missing(self) -> list[str]:
        """The first entries that have no answer, at most `MAX_NAMED`."""
        query = "SELECT shard, ms, seq FROM entries WHERE kind IS NULL ORDER BY ms, seq LIMIT ?"
        return [_name(*key) for key in self._file.execute(query, (MAX_NAMED,))]

    def kinds(self) -> dict[str, int]:
        """The number of answers of each kind."""
        return dict(self._file.execute("SELECT kind, count(*) FROM entries WHERE kind IS NOT NULL GROUP BY kind"))

    def __iter__(self) -> Iterator[AnswerRow]:
        """All entries in the order of publishing."""
        self._file.execute("CREATE INDEX IF NOT EXISTS by_number ON entries (number)")
        for shard, ms, seq, kind, data in self._file.execute(
            "SELECT shard, ms, seq, kind, data FROM entries INDEXED BY by_number ORDER BY number"
        ):
            yield AnswerRow(_name(shard, ms, seq), kind, _decode(data) if data else AnswerData())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _key(entry: str) -> tuple[int, int, int]:
    shard, entry_id = split_entry(entry)
    return shard, *EntryId.parse(entry_id)


def _name(shard: int, ms: int, seq: int) -> str:
    return entry_name(shard, f"{ms}-{seq}")
