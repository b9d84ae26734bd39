"""Rounds: in each round every contender drains the same listings, so that a busy moment affects all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasador.bench.contenders.contender import Contender
from tasador.bench.drain import DrainResult, measure_drain
from tasador.bench.payloads import payload_builder
from tasador.bench.rig import Rig
from tasador.bench.targets import TARGETS
from tasador.bench.throughput import ThroughputReport, sum_up
from training.progress import Progress

NO_OTHERS: Mapping[str, Rig] = {}


def run_rounds(
    rig: Rig,
    contenders: Sequence[Contender],
    listings: int,
    rounds: int,
    progress: Progress,
    *,
    is_quick: bool = False,
    targets: Mapping[str, float] = TARGETS,
    other_rigs: Mapping[str, Rig] = NO_OTHERS,
) -> ThroughputReport:
    """Measure all contenders in each round, starting with a different one each time.

    Args:
        rig: where to measure.
        contenders: the programs to compare.
        listings: how many a contender drains; slow ones drain a share.
        rounds: how many.
        progress: called with a line after each drain.
        is_quick: whether the floors of a small run apply.
        targets: of the ratios, by the contender against which.
        other_rigs: by contender, where it is measured if its listings are of another domain.

    Raises:
        BenchmarkError: a contender died, made no progress, or did not answer each listing exactly once.
        RedisUnavailableError: Redis does not answer.
    """
    payloads = _payloads(rig, listings)
    others = {name: _payloads(other, listings) for name, other in other_rigs.items()}
    drains: list[DrainResult] = []
    for number in range(1, rounds + 1):
        first = number % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            where, what = other_rigs.get(contender.name, rig), others.get(contender.name, payloads)
            drain = measure_drain(where, contender, what, number)
            drains.append(drain)
            progress(f"round {number} of {rounds}: {contender.title}: {drain.events_per_s:,.0f} events/s")
    titles = {contender.name: contender.title for contender in contenders}
    payload_bytes = sum(map(len, payloads)) / len(payloads)
    return sum_up(titles, payload_bytes, drains, is_quick=is_quick, targets=targets)


def _payloads(rig: Rig, count: int) -> list[bytes]:
    payload = payload_builder(rig.settings.load_domain())
    return [payload(number) for number in range(count)]
