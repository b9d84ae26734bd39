"""Hostile entries over the whole handler: published to a consumer on a real Redis, and every outcome looked for."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from random import Random
from typing import Any

import psutil

from operations.verify import verify
from schemas.streams import Streams
from tests.consumer.harness import Client, count, event
from tests.hostile.mutations import Fields, entry
from tests.waiting import wait_until
from transport.entries import EntryId

CHUNK = 10_000
MIB = 2**20


@dataclass
class HandlerFigures:
    """What a consumer did with hostile entries.

    Attributes:
        outcomes: how many predictions, dead letters and repeats there were, each entry exactly one.
        reasons: dead letters by reason.
        rss_mib: the consumer's memory after each chunk.
        seconds: how long it took, publishing and looking for outcomes included.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, int] = field(default_factory=dict)
    rss_mib: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def growth_mib(self) -> float:
        """The most memory after the first tenth, or the first three chunks if that is more, above what it was then."""
        settled = min(max(len(self.rss_mib) // 10, 2), len(self.rss_mib) - 1)
        return max(self.rss_mib[settled:]) - self.rss_mib[settled]


@contextmanager
def consumer(url: str, prefix: str) -> Iterator[psutil.Process]:
    """A consumer in a process of its own; when the block ends it must still live, and leave in good order.

    Raises:
        AssertionError: it died, or failed.
    """
    command = [sys.executable, "-m", "tests.hostile.target", url, prefix]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield psutil.Process(process.pid)
        if process.poll() is not None:
            raise AssertionError(f"the consumer died with exit code {process.returncode}")
        process.communicate(timeout=30)
        if process.returncode:
            raise AssertionError(f"the consumer failed with exit code {process.returncode}")
    finally:
        process.kill()
        process.wait()


def publish_fields(client: Client, streams: Streams, entries: Sequence[Fields], *, at_once: bool = False) -> list[str]:
    """Publish entries field by field, in one transaction if they shall be read at once; their ids."""
    pipeline = client.pipeline(transaction=at_once)
    for fields in entries:
        pipeline.execute_command("XADD", streams.listings, "*", *(part for pair in fields.items() for part in pair))
    return [entry_id.decode() for entry_id in pipeline.execute()]


def handle_all(
    client: Client, streams: Streams, process: psutil.Process, entries: Iterator[Fields], told: Callable[[int], object]
) -> HandlerFigures:
    """Feed a consumer, and look for exactly one outcome of each entry; `told` hears how many are done.

    Raises:
        AssertionError: an entry has none or two, or the consumer does not come along.
    """
    figures = HandlerFigures()
    while chunk := list(islice(entries, CHUNK)):
        wanted = count(client, streams, "answered") + len(chunk)
        ids: list[str] = []
        for start in range(0, len(chunk), 1000):
            ids += publish_fields(client, streams, chunk[start : start + 1000])
        wait_until(partial(_has_answered, client, streams, wanted), timeout_s=120)
        verdict = verify(client, streams, ids)
        if not verdict.is_kept:
            raise AssertionError(str(verdict))
        figures.outcomes.update(verdict.outcomes)
        figures.rss_mib.append(process.memory_info().rss / MIB)
        told(len(ids))
    stored: Any = client.hgetall(streams.progress)
    refused = {k.decode().removeprefix("refused:"): int(n) for k, n in stored.items() if k.startswith(b"refused:")}
    figures.reasons = dict(sorted(refused.items(), key=lambda each: -each[1]))
    return figures


def delays_ms(client: Client, streams: Streams, seed: int, pairs: int, batch: int) -> tuple[list[int], list[int]]:
    """How long a good listing took among good ones and among hostile ones, batch by batch in turn."""
    random = Random(seed)
    found: tuple[list[int], list[int]] = ([], [])
    for number in range(2 * pairs):
        is_hostile = bool(number % 2)
        good = {b"data": event(f"good-{seed}-{number}")}
        others = [entry(random) if is_hostile else {b"data": event(f"n-{seed}-{number}-{i}")} for i in range(batch - 1)]
        place, wanted = random.randrange(batch), count(client, streams, "answered") + batch
        ids = publish_fields(client, streams, [*others[:place], good, *others[place:]], at_once=True)
        wait_until(partial(_has_answered, client, streams, wanted))
        written = _prediction_of(client, streams, ids[place])
        found[is_hostile].append(EntryId.parse(written).ms - EntryId.parse(ids[place]).ms)
    return found


def _has_answered(client: Client, streams: Streams, wanted: int) -> bool:
    return count(client, streams, "answered") >= wanted


def _prediction_of(client: Client, streams: Streams, entry_id: str) -> str:
    """The entry id of a prediction among the newest."""
    wanted = f'"id":"{entry_id}"'.encode()
    for written, fields in client.xrevrange(streams.predictions, count=2500):
        if wanted in fields[b"data"]:
            return str(written.decode())
    raise AssertionError(f"no prediction for {entry_id}")


def median_difference_ms(good: Sequence[int], hostile: Sequence[int]) -> float:
    """How much later a good listing was answered among hostile ones, in the middle of all pairs."""
    return statistics.median(late - early for early, late in zip(good, hostile, strict=True))
