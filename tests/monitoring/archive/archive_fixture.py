"""A fixture that writes answered listings and outcomes to the streams, and reads the audit log made from them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import redis

from consumer.answer_encoder import AnswerEncoder
from consumer.ranges import BatchRanges
from monitoring.archive.archiver import Archiver
from monitoring.archive.folder import ArchiveFolder
from monitoring.archive.location import archive_of
from monitoring.archive.reading import read_archive
from monitoring.archive.rows import ArchiveRows
from schemas.decoding import DecodedListing
from schemas.domain import load_domain
from schemas.events import Outcome, OutcomeData
from schemas.settings import Settings
from schemas.stamp import Stamp
from schemas.streams import ARCHIVERS, Streams
from tests.consumer.harness import ROW
from tests.listings import listing
from transport.connection import connect_async

HOUSING = load_domain("housing")
DAY_MS = 86_400_000
START_MS = 1_795_132_800_000 - 5_000
"""Five seconds before midnight, UTC."""
LATER_MS = START_MS + 3_600_000

SEVENTH = Stamp("7", "1-0")


class ArchiveFixture:
    """Writes answered listings and outcomes to the streams, and reads the audit log made from them.

    Attributes:
        start_ms: time of the first listing.
    """

    def __init__(self, client: redis.Redis, streams: Streams, settings: Settings) -> None:
        self.client: Any = client
        self.streams = streams
        self.start_ms = START_MS
        self.settings = settings
        self.folder: ArchiveFolder = archive_of(settings)
        self.rows = ArchiveRows(HOUSING, settings.limits)
        self._encoder = AnswerEncoder(HOUSING, 100)
        assert settings.redis_url is not None
        self.redis = connect_async(settings.redis_url.get_secret_value())

    def archiver(self) -> Archiver:
        return Archiver(self.redis, self.settings, HOUSING, self.folder)

    def add_prediction(
        self,
        number: int,
        *,
        subject: str | None = None,
        row: dict[str, Any] = ROW,
        stamp: Stamp = SEVENTH,
        shard: int = 0,
        name: str | None = None,
    ) -> None:
        """Add a listing and its prediction, a second after those of the number before, of whatever shard."""
        keys, name = self.streams.of_shard(shard), name or f"l-{number}"
        at_ms = self.start_ms + number * 1000
        entry_id = f"{at_ms}-0"
        self.client.xadd(keys.listings, {"data": listing(row, name)}, id=entry_id)
        decoded = DecodedListing(id=name, data=None, subject=subject)
        ranges = BatchRanges([[19.0 + number, 22.0 + number]], [0.9])
        event = self._encoder.predictions(
            [entry_id], "2026-11-20T12:00:00Z", [decoded], [20.0 + number], stamp, ranges=ranges
        )
        self.client.xadd(keys.predictions, {"data": event}, id=f"{at_ms + 10}-0")

    def add_outcome(self, number: int, price: float) -> None:
        data = OutcomeData(listing_id=f"l-{number}", outcome=price)
        self.client.xadd(self.streams.outcomes, {"data": Outcome(id="o", data=data).model_dump_json()})

    def read(self) -> pd.DataFrame:
        return read_archive(self.folder, self.rows)

    def cursor(self, key: str) -> str:
        (group,) = [group for group in self.client.xinfo_groups(key) if group["name"] == ARCHIVERS.encode()]
        return str(group["last-delivered-id"].decode())
