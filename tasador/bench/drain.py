"""One drain: listings are published, then a contender starts and answers all of them.

The rate comes from Redis's clock, which entry ids of predictions carry: n predictions give (n - 1) / (last - first).
So neither the start of the process nor the clock of this one is part of it. A contender that commits in batches of a
thousand gets its first thousand for free, half a percent of 200,000 listings. Processor time is counted from the first
sample with an answer.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from schemas.decoding import payload_of
from schemas.errors import BenchmarkError
from schemas.frozen_model import FrozenModel
from schemas.streams import SCORERS
from tasador.bench.contenders.contender import Contender
from tasador.bench.payloads import listing_id, publish
from tasador.bench.process import ContenderProcess
from tasador.bench.rig import Rig
from tasador.bench.usage import ProcessUsage, UsageSample, sample_usage, usage_between
from transport.entries import EntryId
from transport.reading import newest, scan

SAMPLE_EVERY_S = 0.05
"""A shorter interval would take time from the cores that are measured."""
RETAINED_ANSWERS = 1_000_000
"""Answers that a consumer keeps by default."""
STALL_S = 120.0
"""How long a contender may go without a new answer."""


class DrainResult(FrozenModel):
    """What one contender did with the listings of a round.

    Attributes:
        contender: its name.
        round: counted from 1.
        listings: how many there were; each was answered exactly once.
        published_per_s: the rate of the product's publisher.
        events_per_s: the rate of answers.
        processes: what each of its processes used.
        redis: what Redis used.
    """

    contender: str
    round: int
    listings: int
    published_per_s: float
    events_per_s: float
    processes: tuple[ProcessUsage, ...]
    redis: ProcessUsage


class Preparation:
    """What a drain of the product needs besides listings, before and after; by default nothing."""

    def write(self) -> None:
        """Write more keys, before the listings are published."""

    def is_ready(self) -> bool:
        """Whether the consumer may begin; asked once its process runs."""
        return True

    def note_result(self) -> None:
        """Read what the drain left in Redis, before it is deleted."""


NOTHING_MORE = Preparation()


def measure_drain(
    rig: Rig, contender: Contender, payloads: Sequence[bytes], number: int, preparation: Preparation = NOTHING_MORE
) -> DrainResult:
    """Let a contender drain listings.

    Args:
        rig: where; its keys are deleted before and after.
        contender: the program to measure.
        payloads: all listings; a slow contender drains a share of them.
        number: of the round.
        preparation: what the drain needs besides.

    Raises:
        BenchmarkError: the contender died, made no progress, or did not answer each listing exactly once.
        RedisUnavailableError: Redis does not answer.
    """
    payloads = payloads[: max(len(payloads) // contender.divisor, 2)]
    rig.clear()
    try:
        preparation.write()
        begin = time.perf_counter()
        publish(rig.settings, payloads, len(payloads))
        published_per_s = len(payloads) / (time.perf_counter() - begin)
        if not contender.is_product:
            rig.client.xgroup_create(rig.streams.listings, SCORERS, id="0")
        samples = _run(rig, contender, len(payloads), preparation)
        _check(rig, contender, len(payloads))
        preparation.note_result()
        return _result(rig, contender, samples, published_per_s, number)
    finally:
        rig.clear()


def _run(rig: Rig, contender: Contender, count: int, preparation: Preparation) -> list[UsageSample]:
    home, log = rig.settings.home, f"{contender.name}.log"
    samples: list[UsageSample] = []
    # all answers are read back at the end, so none may be trimmed before
    retention = {"RETENTION__ANSWERS": str(2 * count)} if count > RETAINED_ANSWERS // 2 else {}
    environment = rig.environment({**contender.settings, **retention})
    with ExitStack() as running:
        processes = [
            running.enter_context(ContenderProcess(contender.title, command, environment, home / f"{number}.{log}"))
            for number, command in enumerate(contender.commands)
        ]
        answers, moved_s = -1, time.monotonic()
        while not preparation.is_ready():
            time.sleep(SAMPLE_EVERY_S)
            if time.monotonic() - moved_s > STALL_S:
                raise BenchmarkError(f"{contender.title} did not get ready: {processes[0].last_line()}")
        if contender.is_product:
            rig.activate(contender.model)
        while answers < count:
            time.sleep(SAMPLE_EVERY_S)
            samples.append(sample_usage(rig.client, rig.streams.predictions, processes))
            if samples[-1].answers > answers:
                answers, moved_s = samples[-1].answers, time.monotonic()
            elif time.monotonic() - moved_s > STALL_S:
                raise BenchmarkError(
                    f"{contender.title} made no progress at {answers:,} of {count:,} listings: "
                    f"{processes[0].last_line()}"
                )
    return samples


def _check(rig: Rig, contender: Contender, count: int) -> None:
    answers = Counter(
        contender.listing_id_of(payload_of(fields)) for _, fields in scan(rig.client, rig.streams.predictions)
    )
    repeated = sum(times > 1 for times in answers.values())
    missing = sum(listing_id(number) not in answers for number in range(count))
    pending: Any = rig.client.xpending(rig.streams.listings, SCORERS)
    if repeated or missing or len(answers) != count or pending["pending"]:
        raise BenchmarkError(
            f"{contender.title} answered {count - missing:,} of {count:,} listings, {repeated:,} of them more than "
            f"once, and left {pending['pending']:,} pending"
        )


def _result(
    rig: Rig, contender: Contender, samples: Sequence[UsageSample], published_per_s: float, number: int
) -> DrainResult:
    processes, redis = usage_between(contender.process_titles, samples)
    return DrainResult(
        contender=contender.name,
        round=number,
        listings=samples[-1].answers,
        published_per_s=published_per_s,
        events_per_s=(samples[-1].answers - 1) / _seconds(rig),
        processes=processes,
        redis=redis,
    )


def _seconds(rig: Rig) -> float:
    """From the first prediction to the last by Redis's clock; at least its resolution."""
    first_id, _ = next(scan(rig.client, rig.streams.predictions))
    last_id, _ = newest(rig.client, rig.streams.predictions, 1)[0]
    return max(EntryId.parse(last_id).ms - EntryId.parse(first_id).ms, 1) / 1000
