"""A run: everybody drains the same listings in turn, round after round, so that a busy moment hits nobody alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.contenders import Contender
from benchmarks.drain import Drain, measure_drain
from benchmarks.payloads import numbered
from benchmarks.rig import Rig
from benchmarks.throughput import Throughput, sum_up

Tell = Callable[[str], object]


def run_rounds(
    rig: Rig, contenders: Sequence[Contender], listings: int, rounds: int, tell: Tell, *, is_quick: bool = False
) -> Throughput:
    """Measure all contenders in each round, another one first each time.

    Args:
        rig: where.
        contenders: who.
        listings: how many the faster ones drain.
        rounds: how many.
        tell: is told how far it is, in a line.
        is_quick: whether the run is a small one, of which less is asked.

    Raises:
        BenchmarkError: somebody died, stood still, or did not answer each listing exactly once.
        RedisUnavailableError: Redis went away.
    """
    payload = numbered(rig.settings.load_domain())
    payloads = [payload(number) for number in range(listings)]
    drains: list[Drain] = []
    for number in range(1, rounds + 1):
        turn = number % len(contenders)
        for contender in (*contenders[turn:], *contenders[:turn]):
            drain = measure_drain(rig, contender, payloads, number)
            drains.append(drain)
            tell(f"round {number} of {rounds}: {contender.title}: {drain.events_per_s:,.0f} events/s")
    titles = {contender.name: contender.title for contender in contenders}
    return sum_up(titles, sum(map(len, payloads)) / len(payloads), drains, is_quick=is_quick)
