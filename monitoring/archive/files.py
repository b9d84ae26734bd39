"""One file of the audit log, named after the first and the last entry in it, which are of one shard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitoring.archive.storage import ArchiveStorage, storage_of
from schemas.shards import entry_name, split_entry
from transport.entries import EntryId

DAY = "day="
"""What the names of folders of one day begin with."""
SUFFIX = ".parquet"


class EntrySpan(NamedTuple):
    """The first and the last entry of a file, and the shard that they are of."""

    first: EntryId
    last: EntryId
    shard: int = 0

    def __str__(self) -> str:
        return f"{self.first}_{entry_name(self.shard, str(self.last))}"

    @classmethod
    def parse(cls, text: str) -> EntrySpan:
        """The span in a file's name."""
        first, _, name = text.partition("_")
        shard, last = split_entry(name)
        return cls(EntryId.parse(first), EntryId.parse(last), shard)


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A file on disk or in an object store.

    Attributes:
        name: path or URL.
    """

    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def stem(self) -> str:
        """Its own name, without its type."""
        return self.name.rpartition("/")[2].removesuffix(SUFFIX)

    @property
    def day(self) -> str:
        """The day of its entries, in UTC."""
        return self.name.split("/")[-2].removeprefix(DAY)

    @property
    def span(self) -> EntrySpan:
        """Its first and last entry, and their shard."""
        return EntrySpan.parse(self.stem)

    @property
    def _storage(self) -> ArchiveStorage:
        return storage_of(self.name)

    def signature(self) -> str:
        """What changes when the file does.

        Raises:
            OSError: there is no such file.
            ArchiveUnavailableError: the object store does not answer.
        """
        return self._storage.signature(self.name)

    def count_rows(self) -> int:
        """Number of rows, from the file's end; raises as `read`."""
        with self._storage.peek(self.name) as file:
            return int(pq.read_metadata(file).num_rows)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Its bytes; raises as `signature`."""
        with self._storage.read(self.name) as file:
            yield file

    def read(self, columns: Sequence[str] | None = None, filters: pc.Expression | None = None) -> pa.Table:
        """Its rows.

        Args:
            columns: names of those that are read; None for all.
            filters: which rows; None for all.

        Raises:
            OSError: there is no such file.
            pyarrow.ArrowException: it is damaged.
            ArchiveUnavailableError: the object store does not answer.
        """
        with self.opened() as file:
            return pq.read_table(file, columns=columns and [*columns], filters=filters, partitioning=None)

    def exists(self) -> bool:
        """Whether it is there."""
        return self._storage.exists(self.name)

    def write(self, table: pa.Table) -> None:
        """Write its rows all at once, in place of those that it has."""
        content = pa.BufferOutputStream()
        pq.write_table(table, content, compression="zstd")
        self._storage.write(self.name, content.getvalue().to_pybytes())
