"""A listing is found on the streams, and in the audit log once the streams have lost it."""

from __future__ import annotations

from console.listing_search import read_dossier, search
from tests.consumer.harness import ROW
from tests.monitoring.archive.archive_fixture import HOUSING, ArchiveFixture
from tests.monitoring.archive.conftest import archive
from transport.clock import now_ms

__all__ = ["archive"]

GAP = {name: value for name, value in ROW.items() if name != "LSTAT"}


async def test_what_the_streams_have_lost_is_found_in_the_audit_log(archive: ArchiveFixture) -> None:
    for number in range(6):
        archive.add_prediction(number, subject=f"Elm Street {number}", row=GAP)
    archive.add_outcome(3, 24.5)
    await archive.archiver().run_once(now_ms(archive.client) + 3_600_000)
    known = archive.client, archive.settings, HOUSING
    on_stream = search(*known, "l-3").hits
    assert [hit.archived for hit in on_stream] == [None]
    streams = archive.streams
    archive.client.delete(streams.predictions, streams.outcomes)
    assert search(*known, "l-3").hits[0].archived is not None, "the listing alone is still on its stream"
    before = read_dossier(*known, search(*known, "l-3").hits[0])
    archive.client.delete(streams.listings)
    for text in ("l-3", "Elm Street 3", on_stream[0].entry):
        found = search(*known, text)
        assert found.is_complete
        (hit,) = found.hits
        assert (hit.entry, hit.at_ms) == (on_stream[0].entry, on_stream[0].at_ms)
        data = on_stream[0].event["data"]
        kept = {name: data[name] for name in ("listing_id", "prediction", "model", "interval", "coverage")}
        assert kept.items() <= hit.event["data"].items()
        assert hit.event["subject"] == "Elm Street 3"
        dossier = read_dossier(*known, hit)
        assert dossier.outcome == 24.5
        assert dossier.listing is None
        assert dossier.row is not None
        assert dossier.row.features == {**GAP, "LSTAT": None}
        assert before.row is not None
        assert before.row.features == dossier.row.features
    assert search(*known, "l-77").hits == []
