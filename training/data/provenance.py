"""Where data came from and what exactly came: kept beside the data, in the run and with each version learnt from it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from training.data.parsing import is_gap, read_number

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = ".provenance.json"


class Provenance(BaseModel):
    """One table as it was read.

    Attributes:
        source: where it came from, as a person would name it; without the query of a URL, which may be a secret.
        bytes_sha256: of the file; None for a table that is no file.
        size_bytes: of the file; None for a table that is no file.
        content_sha256: as `content_sha256` computes it.
        rows: that were read.
        columns: their names, in the order of the source.
        read_at: when, in UTC.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    bytes_sha256: str | None
    size_bytes: int | None
    content_sha256: str
    rows: int
    columns: tuple[str, ...]
    read_at: AwareDatetime

    def tags(self) -> dict[str, str]:
        """The same as tags of a run or a version."""
        found = {
            "data_source": self.source,
            "data_content_sha256": self.content_sha256,
            "data_rows": str(self.rows),
            "data_columns": str(len(self.columns)),
            "data_read_at": self.read_at.isoformat(timespec="seconds"),
        }
        return found | ({"data_bytes_sha256": self.bytes_sha256} if self.bytes_sha256 else {})


def provenance_of(frame: pd.DataFrame, source: str, file: Path | None = None) -> Provenance:
    """The provenance of a table that was read just now, from a file if it is one."""
    return Provenance(
        source=source,
        bytes_sha256=file_sha256(file) if file else None,
        size_bytes=file.stat().st_size if file else None,
        content_sha256=content_sha256(frame),
        rows=len(frame),
        columns=tuple(str(column) for column in frame.columns),
        read_at=datetime.now(UTC),
    )


def keep_provenance(provenance: Provenance, folder: Path) -> Path:
    """Write it into a folder, which is created, under the hash of the data; read the same again, it is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{provenance.bytes_sha256 or provenance.content_sha256}{SUFFIX}"
    part = path.with_suffix(".part")
    part.write_text(provenance.model_dump_json(indent=2) + "\n", encoding="utf-8")
    part.replace(path)
    return path


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_sha256(frame: pd.DataFrame) -> str:
    """A sha256 of what a table says.

    The same for any order of columns, end of line, and spelling of a number (1, 1.0, 1e0); another for another order of
    rows, on which the folds depend.
    """
    plain = {str(column): [_plain(cell) for cell in frame[column].tolist()] for column in frame.columns}
    digest = hashlib.sha256()
    for column in sorted(plain):
        # lengths, so that no cell can look like two
        for text in (column, str(len(frame)), *plain[column]):
            data = text.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


def _plain(cell: Any) -> str:
    if is_gap(cell):
        return ""
    number = read_number(cell)
    return repr(number) if number is not None else str(cell).strip()
