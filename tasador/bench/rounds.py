"""Rounds: in each round every contender drains the same listings, so that a busy moment affects all of them."""

from __future__ import annotations

from collections.abc import Sequence

from tasador.bench.contenders.contender import Contender
from tasador.bench.drain import DrainResult, measure_drain
from tasador.bench.payloads import payload_builder
from tasador.bench.rig import Rig
from tasador.bench.throughput import ThroughputReport, sum_up
from training.progress import Progress


def run_rounds(
    rig: Rig, contenders: Sequence[Contender], listings: int, rounds: int, progress: Progress, *, is_quick: bool = False
) -> ThroughputReport:
    """Measure all contenders in each round, starting with a different one each time.

    Args:
        rig: where to measure.
        contenders: the programs to compare.
        listings: how many a contender drains; slow ones drain a share.
        rounds: how many.
        progress: called with a line after each drain.
        is_quick: whether the floors of a small run apply.

    Raises:
        BenchmarkError: a contender died, made no progress, or did not answer each listing exactly once.
        RedisUnavailableError: Redis does not answer.
    """
    payload = payload_builder(rig.settings.load_domain())
    payloads = [payload(number) for number in range(listings)]
    drains: list[DrainResult] = []
    for number in range(1, rounds + 1):
        first = number % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            drain = measure_drain(rig, contender, payloads, number)
            drains.append(drain)
            progress(f"round {number} of {rounds}: {contender.title}: {drain.events_per_s:,.0f} events/s")
    titles = {contender.name: contender.title for contender in contenders}
    return sum_up(titles, sum(map(len, payloads)) / len(payloads), drains, is_quick=is_quick)
