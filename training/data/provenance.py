"""The provenance of a table: its source and hashes, stored in the home folder, with the run and with the version."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import AwareDatetime

from schemas.frozen_model import FrozenModel
from training.data.content import content_sha256

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = ".provenance.json"


class Provenance(FrozenModel):
    """The origin and the content of a table.

    Attributes:
        source: file, URL or dataset; without the query of a URL, which may contain a secret.
        bytes_sha256: of the file; None for a table that is not from a file.
        size_bytes: of the file; None for a table that is not from a file.
        content_sha256: from `content_sha256`.
        rows: number of rows.
        columns: names in the order of the source.
        read_at: time of reading.
    """

    source: str
    bytes_sha256: str | None
    size_bytes: int | None
    content_sha256: str
    rows: int
    columns: tuple[str, ...]
    read_at: AwareDatetime

    def tags(self) -> dict[str, str]:
        """Tags for a run or a version."""
        tags = {
            "data_source": self.source,
            "data_content_sha256": self.content_sha256,
            "data_rows": str(self.rows),
            "data_columns": str(len(self.columns)),
            "data_read_at": self.read_at.isoformat(timespec="seconds"),
        }
        return tags | ({"data_bytes_sha256": self.bytes_sha256} if self.bytes_sha256 else {})


def provenance_of(frame: pd.DataFrame, source: str, file: Path | None = None) -> Provenance:
    """The provenance of a table that was read now, from a file if one is given."""
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
    """Write provenance into a folder, which is created; the file is named by the hash of the data."""
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
