"""Listings with an outcome become training data: each once, with its last outcome."""

from __future__ import annotations

import time
from pathlib import Path

from schemas.settings import load_settings
from tests.monitoring.archive.archive_fixture import ArchiveFixture
from tests.monitoring.archive.conftest import archive
from training.data.checking import validate
from training.data.labelled import add_labelled
from training.data.sources import ingest

__all__ = ["archive"]


async def test_labelled_listings_are_appended_to_the_table(archive: ArchiveFixture) -> None:
    for number in range(4):
        archive.add_prediction(number)
    archive.add_outcome(1, 31.0)
    archive.add_outcome(2, 32.0)
    archive.add_outcome(1, 33.0)
    # outcomes get their ids from Redis's clock, and the archiver does not write a file of recent ones yet
    await archive.archiver().run_once(int(time.time() * 1000) + 3_600_000)
    raw = ingest(archive.settings)
    extended = add_labelled(archive.settings, raw)
    assert len(extended.frame) == len(raw.frame) + 2
    assert extended.frame["MEDV"].tolist()[-2:] == [33.0, 32.0]
    assert extended.source == f"{raw.source} and 2 labelled listings"
    assert extended.provenance is not None
    assert raw.provenance is not None
    assert extended.provenance.content_sha256 != raw.provenance.content_sha256
    table, _ = validate(archive.settings.load_domain(), extended, archive.settings.training)
    assert len(table) == 508


def test_without_an_audit_log_the_table_is_returned_unchanged(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    raw = ingest(settings)
    assert add_labelled(settings, raw) is raw
