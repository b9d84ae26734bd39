"""One measurement: listings are published, then a contender starts and answers them.

The rate is taken from Redis: entry ids of predictions carry its clock, so n predictions from the first to the last
make a rate of (n - 1) / (last - first). Neither the start of the process nor this process's clock is in it. Where
answers come a thousand at a time the first thousand come for free: at 200,000 listings that is half a percent, for all
who commit in batches. CPU seconds are counted from the first look that finds an answer.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from pydantic import BaseModel, ConfigDict

from benchmarks.contenders import Contender
from benchmarks.payloads import listing_id
from benchmarks.process import ContenderProcess
from benchmarks.rig import Rig
from benchmarks.use import Look, Use, look_at, uses_of
from producer import ListingPublisher
from schemas.decoding import payload_of
from schemas.errors import BenchmarkError
from schemas.streams import SCORERS
from transport.entries import EntryId
from transport.reading import newest, scan

LOOK_S = 0.05
"""How often it is looked at; more often would take from the cores that are measured."""
MOST_KEPT = 1_000_000
"""Answers that a consumer keeps by default."""
PATIENCE_S = 120.0
"""How long there may be no new answer."""


class Drain(BaseModel):
    """What one contender did with some listings.

    Attributes:
        contender: its name.
        round: counted from 1.
        listings: how many there were; each was answered exactly once, or there would be no figures.
        published_per_s: at which rate the product's publisher had published them.
        events_per_s: answers a second.
        processes: what each of its processes used.
        redis: what Redis used.
    """

    model_config = ConfigDict(frozen=True)

    contender: str
    round: int
    listings: int
    published_per_s: float
    events_per_s: float
    processes: tuple[Use, ...]
    redis: Use


def measure_drain(rig: Rig, contender: Contender, payloads: Sequence[bytes], number: int) -> Drain:
    """Let a contender drain these listings.

    Args:
        rig: where; its keys are deleted before and after.
        contender: who.
        payloads: all listings; a slow contender drains a share of them.
        number: of the round.

    Raises:
        BenchmarkError: it died, stood still, or did not answer each listing exactly once.
        RedisUnavailableError: Redis went away.
    """
    payloads = payloads[: max(len(payloads) // contender.share, 2)]
    rig.clear()
    try:
        published_per_s = _publish(rig, payloads)
        if contender.is_product:
            rig.activate(contender.model)
        else:
            rig.client.xgroup_create(rig.streams.listings, SCORERS, id="0")
        looks = _run(rig, contender, len(payloads))
        _check(rig, contender, len(payloads))
        return _figures(rig, contender, looks, published_per_s, number)
    finally:
        rig.clear()


def _publish(rig: Rig, payloads: Sequence[bytes]) -> float:
    begin = time.perf_counter()
    with ListingPublisher(rig.settings.model_copy(update={"high_water": 2 * len(payloads)})) as publisher:
        for _ in publisher.publish_chunks(payloads):
            pass
    return len(payloads) / (time.perf_counter() - begin)


def _run(rig: Rig, contender: Contender, count: int) -> list[Look]:
    home, log = rig.settings.home, f"{contender.name}.log"
    looks: list[Look] = []
    # everybody is asked for every answer at the end, so none may be trimmed before
    kept = {"RETENTION__ANSWERS": str(2 * count)} if count > MOST_KEPT // 2 else {}
    environment = rig.environment({**contender.settings, **kept})
    with ExitStack() as running:
        processes = [
            running.enter_context(ContenderProcess(contender.title, command, environment, home / f"{number}.{log}"))
            for number, command in enumerate((contender.command, *contender.helpers))
        ]
        moved = time.monotonic()
        while not looks or looks[-1].answers < count:
            time.sleep(LOOK_S)
            looks.append(look_at(rig.client, rig.streams.predictions, processes))
            if len(looks) < 2 or looks[-1].answers > looks[-2].answers:  # noqa: PLR2004 - two looks to compare
                moved = time.monotonic()
            elif time.monotonic() - moved > PATIENCE_S:
                raise BenchmarkError(
                    f"{contender.title} stands still at {looks[-1].answers:,} of {count:,} listings: "
                    f"{processes[0].last_words()}"
                )
    return looks


def _check(rig: Rig, contender: Contender, count: int) -> None:
    """Make sure that there is one prediction for each listing, and nothing left to do."""
    answers = Counter(
        contender.listing_id(payload_of(fields)) for _, fields in scan(rig.client, rig.streams.predictions)
    )
    doubled = sum(times > 1 for times in answers.values())
    missing = sum(listing_id(number) not in answers for number in range(count))
    waiting: Any = rig.client.xpending(rig.streams.listings, SCORERS)
    if doubled or missing or len(answers) != count or waiting["pending"]:
        raise BenchmarkError(
            f"{contender.title} answered {count - missing:,} of {count:,} listings, {doubled:,} of them more than "
            f"once, and left {waiting['pending']:,} pending"
        )


def _figures(rig: Rig, contender: Contender, looks: Sequence[Look], published_per_s: float, number: int) -> Drain:
    processes, redis = uses_of(contender.processes, looks)
    return Drain(
        contender=contender.name,
        round=number,
        listings=looks[-1].answers,
        published_per_s=published_per_s,
        events_per_s=(looks[-1].answers - 1) / _seconds(rig),
        processes=processes,
        redis=redis,
    )


def _seconds(rig: Rig) -> float:
    """From the first prediction to the last by Redis's clock; at least its resolution."""
    first_id, _ = next(scan(rig.client, rig.streams.predictions))
    last_id, _ = newest(rig.client, rig.streams.predictions, 1)[0]
    return max(EntryId.parse(last_id).ms - EntryId.parse(first_id).ms, 1) / 1000
