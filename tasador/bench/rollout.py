"""What a rollout costs: drains with a challenger beside the champion, beside the drain without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from schemas.frozen_model import FrozenModel
from schemas.rollouts import RolloutMode
from schemas.states import ConsumerHeartbeat
from tasador.bench.contenders.contender import TASADOR, Contender, build_product
from tasador.bench.drain import NOTHING_MORE, DrainResult, Preparation, measure_drain
from tasador.bench.payloads import payload_builder
from tasador.bench.rig import Rig
from tasador.bench.targets import ROLLOUTS, floor_of
from tasador.bench.throughput import RateRatio, Spread
from training.progress import Progress

_ID = "1-0"


@dataclass(frozen=True, slots=True)
class RolloutCase:
    """A rollout that is measured: its name in `tasador.bench.targets`, a title, its mode and share, and its pairs."""

    name: str
    title: str
    mode: RolloutMode
    share: float
    pairs: bool


CASES = (
    RolloutCase("shadow", "a shadow of all listings", "shadow", 1.0, pairs=True),
    RolloutCase("pairs", "a canary of 10 % with pairs", "canary", 0.1, pairs=True),
    RolloutCase("split", "a split of 10 % without pairs", "split", 0.1, pairs=False),
)


class RolloutDrain(FrozenModel):
    """Drains during a rollout, whose challenger costs as much as the champion; or without one, which stands first.

    Attributes:
        title: of the rollout.
        events_per_s: over all rounds.
        cpu_us: processor time of the consumer for a listing; so is `redis_cpu_us`.
        challenger_us: time that the challenger's scoring took for a listing of the whole stream; 0 without pairs.
        ratio: its rate divided by that without a rollout in the same round.
    """

    title: str
    events_per_s: Spread
    cpu_us: float
    redis_cpu_us: float
    challenger_us: float
    ratio: RateRatio


def measure_rollouts(
    rig: Rig, listings: int, rounds: int, progress: Progress, *, is_quick: bool = False
) -> tuple[RolloutDrain, ...]:
    """Drain the same listings without a rollout and in each rollout, in each round.

    Args:
        rig: where to measure.
        listings: how many are drained.
        rounds: of drains.
        progress: called with a line after each drain.
        is_quick: whether the floors of a small run apply.

    Raises:
        BenchmarkError: the consumer died, made no progress, or did not answer each listing exactly once.
        RedisUnavailableError: Redis does not answer.
    """
    build = payload_builder(rig.settings.load_domain())
    payloads = [build(number) for number in range(listings)]
    drains: dict[RolloutCase | None, list[DrainResult]] = {None: [], **{case: [] for case in CASES}}
    scoring: dict[RolloutCase | None, list[float]] = {case: [] for case in drains}
    for number in range(1, rounds + 1):
        for case, results in drains.items():
            carrying = _Carrying(rig, case) if case else None
            contender = Contender(f"rollout-{case.name}", case.title) if case else build_product()
            results.append(measure_drain(rig, contender, payloads, number, carrying or NOTHING_MORE))
            scoring[case].append(carrying.challenger_us if carrying else 0.0)
            progress(f"round {number} of {rounds}: {contender.title}: {results[-1].events_per_s:,.0f} events/s")
    return tuple(
        _sum_up(case, results, drains[None], median(scoring[case]), is_quick=is_quick)
        for case, results in drains.items()
    )


class _Carrying(Preparation):
    """Writes the rollout, and has listings answered once the consumer has loaded the challenger."""

    def __init__(self, rig: Rig, case: RolloutCase) -> None:
        self._rig = rig
        self._case = case
        self.challenger_us = 0.0

    def write(self) -> None:
        model, case = self._rig.model.desired(_ID), self._case
        fields: dict[Any, Any] = {
            "id": _ID,
            "revision": _ID,
            "mode": case.mode,
            "share": case.share,
            "pairs": int(case.pairs),
            "version": "challenger",
            "digest": model.digest,
            "uri": model.uri,
            "champion": model.version,
            "salt": "benchmark",
        }
        self._rig.client.hset(self._rig.streams.rollout, mapping=fields)

    def is_ready(self) -> bool:
        beats: Any = self._rig.client.hvals(self._rig.streams.consumers)
        return any(ConsumerHeartbeat.model_validate_json(beat).rollout == _ID for beat in beats)

    def note_result(self) -> None:
        entries: Any = self._rig.client.xrange(self._rig.streams.shadows)
        if entries:
            self.challenger_us = self._case.share * median(float(fields[b"challenger_us"]) for _, fields in entries)


def _sum_up(
    case: RolloutCase | None,
    drains: Sequence[DrainResult],
    without: Sequence[DrainResult],
    challenger_us: float,
    *,
    is_quick: bool,
) -> RolloutDrain:
    title, target = (case.title, ROLLOUTS.get(case.name)) if case else ("no rollout", None)
    pairs = zip(drains, without, strict=True)
    return RolloutDrain(
        title=title,
        events_per_s=Spread.of(drain.events_per_s for drain in drains),
        cpu_us=median(drain.processes[0].cpu_us for drain in drains),
        redis_cpu_us=median(drain.redis.cpu_us for drain in drains),
        challenger_us=challenger_us,
        ratio=RateRatio(
            against=TASADOR,
            title="no rollout",
            of=title,
            times=Spread.of(one.events_per_s / other.events_per_s for one, other in pairs),
            target=target,
            floor=floor_of(target, is_quick=is_quick),
        ),
    )
