"""Publishes hostile entries to a consumer on a real Redis, and checks that each gets one outcome."""

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
        outcomes: how many predictions, dead letters and repeats there were.
        reasons: dead letters by reason.
        rss_mib: the consumer's memory after each chunk.
        seconds: how long it took, with publishing and checking.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, int] = field(default_factory=dict)
    rss_mib: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def growth_mib(self) -> float:
        """How much the memory grew after the first tenth of the chunks, or after three chunks if that is more."""
        settled = min(max(len(self.rss_mib) // 10, 2), len(self.rss_mib) - 1)
        return max(self.rss_mib[settled:]) - self.rss_mib[settled]


@contextmanager
def running_consumer(url: str, prefix: str) -> Iterator[psutil.Process]:
    """Run a consumer in its own process; at the end of the block it must be alive, and stop cleanly.

    Raises:
        AssertionError: it died, or exited with an error.
    """
    command = [sys.executable, "-m", "tests.hostile.target", url, prefix]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield psutil.Process(process.pid)
        if process.poll() is not None:
            raise AssertionError(f"the consumer died with exit code {process.returncode}")
        process.communicate(timeout=120)
        if process.returncode:
            raise AssertionError(f"the consumer failed with exit code {process.returncode}")
    finally:
        process.kill()
        process.wait()


def publish_fields(client: Client, streams: Streams, entries: Sequence[Fields], *, at_once: bool = False) -> list[str]:
    """Publish entries, in one transaction if a consumer must read them together; returns their ids."""
    pipeline = client.pipeline(transaction=at_once)
    for fields in entries:
        pipeline.execute_command("XADD", streams.listings, "*", *(part for pair in fields.items() for part in pair))
    return [entry_id.decode() for entry_id in pipeline.execute()]


def handle_all(
    client: Client,
    streams: Streams,
    process: psutil.Process,
    entries: Iterator[Fields],
    on_progress: Callable[[int], object],
) -> HandlerFigures:
    """Publish entries to a consumer, and check that each gets exactly one outcome.

    `on_progress` is called with the number of entries in each chunk that is done.

    Raises:
        AssertionError: an entry has none or two, or the consumer does not answer in time.
    """
    figures = HandlerFigures()
    while chunk := list(islice(entries, CHUNK)):
        expected = count(client, streams, "answered") + len(chunk)
        ids: list[str] = []
        for start in range(0, len(chunk), 1000):
            ids += publish_fields(client, streams, chunk[start : start + 1000])
        wait_until(partial(_has_answered, client, streams, expected), timeout_s=120)
        verdict = verify(client, streams, ids)
        if not verdict.is_kept:
            raise AssertionError(str(verdict))
        figures.outcomes.update(verdict.outcomes)
        figures.rss_mib.append(process.memory_info().rss / MIB)
        on_progress(len(ids))
    stored: Any = client.hgetall(streams.progress)
    refused = {k.decode().removeprefix("refused:"): int(n) for k, n in stored.items() if k.startswith(b"refused:")}
    figures.reasons = dict(sorted(refused.items(), key=lambda each: -each[1]))
    return figures


def delays_ms(client: Client, streams: Streams, seed: int, pairs: int, batch: int) -> tuple[list[int], list[int]]:
    """Milliseconds until a valid listing was answered among valid ones, and among hostile ones, batches alternating."""
    random = Random(seed)
    delays: tuple[list[int], list[int]] = ([], [])
    for number in range(2 * pairs):
        is_hostile = bool(number % 2)
        good = {b"data": event(f"good-{seed}-{number}")}
        others = [entry(random) if is_hostile else {b"data": event(f"n-{seed}-{number}-{i}")} for i in range(batch - 1)]
        position, expected = random.randrange(batch), count(client, streams, "answered") + batch
        ids = publish_fields(client, streams, [*others[:position], good, *others[position:]], at_once=True)
        wait_until(partial(_has_answered, client, streams, expected))
        written = _prediction_of(client, streams, ids[position])
        delays[is_hostile].append(EntryId.parse(written).ms - EntryId.parse(ids[position]).ms)
    return delays


def _has_answered(client: Client, streams: Streams, expected: int) -> bool:
    return count(client, streams, "answered") >= expected


def _prediction_of(client: Client, streams: Streams, entry_id: str) -> str:
    """The entry id of the prediction for an entry, among the newest predictions."""
    pattern = f'"id":"{entry_id}"'.encode()
    for written, fields in client.xrevrange(streams.predictions, count=2500):
        if pattern in fields[b"data"]:
            return str(written.decode())
    raise AssertionError(f"no prediction for {entry_id}")


def median_difference_ms(good: Sequence[int], hostile: Sequence[int]) -> float:
    """The median over all pairs of how much later a valid listing was answered among hostile ones."""
    return statistics.median(late - early for early, late in zip(good, hostile, strict=True))
