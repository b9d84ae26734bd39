"""The lines of a text file: compression and encoding are detected, damage and binary content are errors.

The whole file is read once before its first line is returned, in blocks, because only then is its encoding certain.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO, cast

from schemas.errors import DataError
from tables.paths import reading

MAX_LINE_BYTES = 16 * 1024 * 1024
_BLOCK_BYTES = 1024 * 1024
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# bytes that mean nothing in Windows-1252
_UNDEFINED = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class TextFile:
    """A text file.

    Attributes:
        path: of the file.
        encoding: UTF-8 or UTF-16; Windows-1252, which contains Latin-1, if the bytes are not UTF-8.
        longest_line_bytes: about the size of its longest line.

    Raises:
        DataError: the file cannot be read, is damaged, or is not text.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_bytes = 0
        self._raw: IO[bytes] | None = None
        self.longest_line_bytes = 0
        self._is_compressed = False
        self.encoding = self._find_encoding()

    @property
    def read_bytes(self) -> int:
        """Bytes of the file that the latest iteration has read."""
        if self._raw is not None and not self._raw.closed:
            return self._raw.tell()
        return self._read_bytes

    @property
    def notes(self) -> list[str]:
        """What a user should know about the way the file is read."""
        if self.encoding.startswith("utf"):
            return []
        return [f"{self.path}: is not UTF-8; read as Latin-1 ({self.encoding})"]

    @property
    def is_plain_utf8(self) -> bool:
        """Whether the bytes of the file are text in UTF-8, not compressed."""
        return self.encoding in {"utf-8", "utf-8-sig"} and not self._is_compressed

    def check_lines(self) -> None:
        """Check that each line fits in memory.

        Raises:
            DataError: a line is too long.
        """
        if self.longest_line_bytes > MAX_LINE_BYTES:
            raise DataError(f"{self.path}: a line is longer than {MAX_LINE_BYTES:,} bytes; is this a text file?")

    @contextmanager
    def open(self) -> Iterator[TextIO]:
        """The text, with the ends of lines as they are; progress is counted while it is read."""
        with reading(self.path), self.path.open("rb") as raw:
            self._raw = raw
            with _damage(self.path):
                yield io.TextIOWrapper(_decompressed(raw), encoding=self.encoding, newline="")
            self._read_bytes = raw.tell()

    def start(self, characters: int) -> str:
        """The first characters."""
        with self.open() as text:
            return text.read(characters)

    def _find_encoding(self) -> str:
        """Read the whole file, and return its encoding."""
        with reading(self.path), self.path.open("rb") as raw, _damage(self.path):
            content = _decompressed(raw)
            self._is_compressed = content is not raw
            block = content.read(_BLOCK_BYTES)
            marked = next((name for mark, name in _BYTE_ORDER_MARKS.items() if block.startswith(mark)), None)
            encoding = marked or "utf-8"
            decoder = codecs.getincrementaldecoder(encoding)()
            line_bytes, has_undefined = 0, False
            while True:
                if encoding != "utf-16" and b"\0" in block:
                    raise DataError(f"{self.path}: contains zero bytes: not text, or UTF-16 without a byte order mark")
                line_bytes = self._measure(block, line_bytes)
                try:
                    decoder.decode(block, final=not block)
                except UnicodeDecodeError as error:
                    if marked:
                        raise DataError(f"{self.path}: begins like {marked}, but is not: {error.reason}") from error
                    encoding, decoder = "cp1252", codecs.getincrementaldecoder("latin-1")()
                has_undefined = has_undefined or any(code in block for code in _UNDEFINED)
                if not block:
                    break
                block = content.read(_BLOCK_BYTES)
        return "latin-1" if encoding == "cp1252" and has_undefined else encoding

    def _measure(self, block: bytes, line_bytes: int) -> int:
        """Measure the lines of a block; returns the number of bytes since the last end of a line."""
        ends = max(block.rfind(b"\n"), block.rfind(b"\r"))
        first_end = block.find(b"\n")
        self.longest_line_bytes = max(
            self.longest_line_bytes, line_bytes + (first_end if first_end >= 0 else len(block))
        )
        return len(block) - ends - 1 if ends >= 0 else line_bytes + len(block)


def read_start(path: Path, size: int) -> bytes:
    """The first bytes of a file, decompressed.

    Raises:
        DataError: it cannot be read, or is damaged.
    """
    with reading(path), path.open("rb") as raw, _damage(path):
        return _decompressed(raw).read(size)


def _decompressed(raw: IO[bytes]) -> IO[bytes]:
    start = raw.read(4)
    raw.seek(0)
    if start.startswith(_GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    if start.startswith(_ZSTD):
        # the import takes 0.2 s, which other files need not spend
        import pyarrow as pa

        stream: Any = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
        return io.BufferedReader(stream, _BLOCK_BYTES)
    return raw


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Report damage of a compressed file."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: is damaged: {error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: has changed while it was read: {error.reason}") from error
