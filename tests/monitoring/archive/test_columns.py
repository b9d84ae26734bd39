"""The columns of the audit log are those that the page describes, and each file says their version."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pyarrow as pa
import pytest

from monitoring.archive.erasing import erase_subject
from monitoring.archive.rows import SCHEMA_VERSION, VERSION_KEY, ArchiveRows
from schemas.domain import load_domain
from schemas.sections import LimitSettings
from tests.monitoring.archive.archive_fixture import ArchiveFixture
from transport.entries import EntryId

PAGE = (Path(__file__).parents[3] / "docs/outcomes.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \|", re.MULTILINE)


def _documented(kind: str) -> dict[str, str]:
    section = PAGE.partition("### Columns\n")[2].partition(f"In `{kind}`")[2].partition("\nIn `")[0]
    return dict(_ROW.findall(section))


def _columns(schema: pa.Schema, *targets: str) -> dict[str, str]:
    return {each.name: "double or string" if each.name in targets else str(each.type) for each in schema}


@pytest.mark.parametrize("name", ["housing", "obesity"])
def test_the_page_describes_every_column_with_its_type(name: str) -> None:
    domain = load_domain(name)
    rows = ArchiveRows(domain, LimitSettings())
    predictions = _columns(rows.predictions, "prediction")
    features = {column: predictions.pop(column) for column in domain.columns}
    assert predictions == _documented("predictions")
    assert set(features.values()) <= {"double", "string"}
    assert _columns(rows.outcomes, "outcome") == _documented("outcomes")
    assert f"Version {SCHEMA_VERSION} of the schema." in PAGE


async def test_every_file_says_the_version_also_after_an_erasure(archive: ArchiveFixture) -> None:
    for number in range(3):
        archive.add_prediction(number, subject=f"house-{number}")
        archive.add_outcome(number, 30.0)
    await archive.archiver().run_once(int(time.time() * 1000) + 3_600_000)
    erase_subject(archive.folder, "house-1", EntryId(archive.start_ms + 60_000, 0))
    files = [*archive.folder.files("predictions"), *archive.folder.files("outcomes")]
    assert len(files) >= 2
    for file in files:
        assert file.read().schema.metadata[VERSION_KEY] == SCHEMA_VERSION.encode(), file
