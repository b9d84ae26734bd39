"""A load of listings of subjects, and of repeats, that shows whether a change of the number of shards lost anything."""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Self

from producer import ListingPublisher
from schemas.settings import Settings
from schemas.shards import entry_name, split_entry
from schemas.streams import Streams
from tests.consumer.harness import ROW, Client, answers
from transport.entries import EntryId

SUBJECTS = 40


class SubjectLoad:
    """Publishes in a thread without pause: of ten listings one repeats the identity of one from long before."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.entries: list[str] = []
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Publish no more."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with ListingPublisher(self._settings) as publisher:
            for chunk in publisher.publish_chunks(self._listings(), 20):
                self.entries += chunk

    def _listings(self) -> Iterator[bytes]:
        number = 0
        while not self._stopping.wait(0.0005):
            self.events.append(self._listing(number))
            yield json.dumps(self.events[-1]).encode()
            number += 1

    def _listing(self, number: int) -> dict[str, Any]:
        if number % 10 == 9 and number > 300:
            return self.events[number - 301 if (number - 301) % 10 != 9 else number - 302]
        subject = {"subject": f"house-{number % SUBJECTS}"} if number % 3 else {}
        return {"id": f"l-{number}", "source": "crm", "data": ROW, **subject}

    def check(self, client: Client, shards: Sequence[Streams]) -> None:
        """Check that each identity was predicted once, that repeats name that prediction, and the order of subjects."""
        predictions = [one for shard in shards for one in answers(client, shard.predictions)]
        by_identity = Counter((one["data"]["listing_source"], one["data"]["listing_id"]) for one in predictions)
        assert set(by_identity.values()) == {1}, by_identity.most_common(5)
        assert len(by_identity) == len({one["id"] for one in self.events[: len(self.entries)]})
        _check_repeats(client, shards)
        _check_order(client, self, shards)


def _check_repeats(client: Client, shards: Sequence[Streams]) -> None:
    """Each repeat names the prediction of its identity, also where that is in another shard."""
    homes: set[bool] = set()
    for shard in shards:
        for repeat in answers(client, shard.repeats):
            home, first = split_entry(repeat["data"]["first"])
            ((_, fields),) = client.xrange(shards[home].predictions, first, first)
            assert json.loads(fields[b"data"])["data"]["listing_id"] == repeat["data"]["listing_id"]
            homes.add(home == shard.shard)
    assert homes == {True, False}, "some repeats went to another shard than their first prediction"


def _check_order(client: Client, load: SubjectLoad, shards: Sequence[Streams]) -> None:
    """A subject's listings are in their order, and where they go to another shard the older ones had been answered."""
    answered_ms: dict[str, int] = {}
    for shard in shards:
        for key in (shard.predictions, shard.repeats):
            for answer_id, fields in client.xrange(key):
                answered_ms[entry_name(shard.shard, json.loads(fields[b"data"])["id"])] = EntryId.parse(answer_id).ms
    of_subject: dict[str, list[str]] = defaultdict(list)
    for entry, listing in zip(load.entries, load.events, strict=False):
        if "subject" in listing:
            of_subject[listing["subject"]].append(entry)
    moved = 0
    for entries in of_subject.values():
        for earlier, later in pairwise(entries):
            (before, earlier_id), (after, later_id) = split_entry(earlier), split_entry(later)
            if before == after:
                assert EntryId.parse(earlier_id) < EntryId.parse(later_id)
            else:
                moved += 1
                assert answered_ms[earlier] <= EntryId.parse(later_id).ms
    assert moved > SUBJECTS / 2
