"""A day's load on consumers that an autoscaler starts and stops, second by second."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.scale.autoscalers import CPU_WINDOW_S, Autoscaler
from benchmarks.scale.costs import BATCH, Costs

DAY_S = 86_400
START_S = 10
"""From the wish for a consumer to its first batch: assumed for a node that has the image; the process takes 1 s."""
LATE_S = 2
"""Wait from which an event is late."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that happens on the day, from `start` to `end`, in seconds."""

    name: str
    start: int
    end: int


IMPORT = Trouble("import", 3 * 3600, 3 * 3600 + 300)
STALL = Trouble("stall", 14 * 3600, 14 * 3600 + 600)
SPIKE = Trouble("spike", 19 * 3600, 19 * 3600 + 1200)
TROUBLES = (IMPORT, STALL, SPIKE)
IMPORTED = 40_000.0
SPIKED = 45_000.0
QUIET = (4 * 3600, 5 * 3600)
"""A time at which nothing comes."""
STALLED = 0.1
"""Of Redis's rate while it stalls."""


def load_of_a_day(seed: int) -> NDArray[np.float64]:
    """Events by second: 1,000/s at night, 15,000/s at noon, an import, an hour of nothing, a spike, and noise."""
    seconds = np.arange(DAY_S)
    shape = np.clip(np.sin(np.pi * (seconds / 3600 - 5) / 17), 0, None)
    rate = 1_000 + 14_000 * shape
    minutes = np.random.default_rng(seed).gamma(50, 1 / 50, DAY_S // 60)
    rate = rate * np.repeat(minutes, 60)
    rate[IMPORT.start : IMPORT.end] = IMPORTED
    rate[SPIKE.start : SPIKE.end] = SPIKED
    rate[slice(*QUIET)] = 0
    return rate


@dataclass(frozen=True, slots=True)
class Day:
    """How a day went.

    Attributes:
        name: of the autoscaler.
        consumers: that ran or started, by second.
        cpu: cores of a consumer, by second.
        waits_s: of the events that came in a second; infinite if they have no answer by the end of the day.
        load: events that came, by second.
    """

    name: str
    consumers: NDArray[np.int64]
    cpu: NDArray[np.float64]
    waits_s: NDArray[np.float64]
    load: NDArray[np.float64]

    @property
    def hours(self) -> float:
        """Hours of consumers."""
        return float(self.consumers.sum()) / 3600

    @property
    def late_share(self) -> float:
        """Share of the events that waited `LATE_S` or longer."""
        return float(self.load[self.waits_s >= LATE_S].sum() / self.load.sum())

    def recovery_s(self, trouble: Trouble) -> int:
        """Time from the end of a trouble until new events are not late."""
        late = np.flatnonzero(self.waits_s[trouble.end :] >= LATE_S)
        # the first gap in lateness ends it
        if not late.size or late[0] > 0:
            return 0
        breaks = np.flatnonzero(np.diff(late) > 1)
        return int(late[breaks[0]] if breaks.size else late[-1]) + 1


def simulate_day(costs: Costs, load: NDArray[np.float64], scaler: Autoscaler) -> Day:
    """One day: what came is shared evenly, and answered in the order in which it came."""
    consumers, cpus = np.zeros(DAY_S, np.int64), np.zeros(DAY_S)
    answered = np.zeros(DAY_S)
    ready: list[int] = [0]
    backlog = in_flight = 0.0
    recent: deque[float] = deque(maxlen=CPU_WINDOW_S)
    for second in range(DAY_S):
        wanted = scaler.wanted(second, len(ready), float(np.mean(recent)) if recent else 0.0, backlog + in_flight)
        ready = (ready + [second + START_S] * (wanted - len(ready)))[:wanted]
        running = sum(since <= second for since in ready)
        share = STALLED if STALL.start <= second < STALL.end else 1.0
        waiting = backlog + load[second]
        answered[second] = min(waiting, running * costs.consumer_rate, share * costs.redis_rate)
        backlog = waiting - answered[second]
        cpus[second], in_flight = _work_of(costs, answered[second], running, is_full=backlog > 0)
        recent.append(cpus[second])
        consumers[second] = len(ready)
    return Day(scaler.name, consumers, cpus, _waits(load, answered), load)


def _work_of(costs: Costs, answered: float, running: int, *, is_full: bool) -> tuple[float, float]:
    """Cores that each consumer used, and events that were being answered at a moment."""
    if not running or not answered:
        return 0.0, 0.0
    rate = answered / running
    size = BATCH if is_full else costs.batch_of(rate)
    cpu = min(rate * costs.consumer.of_event(size), 1.0)
    return cpu, running * size


def _waits(load: NDArray[np.float64], answered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds until the last event of each second is answered."""
    came, gone = np.cumsum(load), np.cumsum(answered)
    # sums in another order differ in their last bits
    done = np.searchsorted(gone, came - 1e-3)
    return np.where(done < DAY_S, done - np.arange(DAY_S), np.inf)


def cpu_table(costs: Costs) -> Iterator[str]:
    """The lines of the table of cores that each of several consumers uses while they keep up."""
    numbers = (1, 2, 4)
    yield "| events/s | " + " | ".join(f"{number} consumer{'s' * (number > 1)}" for number in numbers) + " |"
    yield "|---:|" + "---:|" * len(numbers)
    for rate in (1_000, 4_000, 8_000, 16_000):
        cells = (rate / number * costs.consumer.of_event(costs.batch_of(rate / number)) for number in numbers)
        yield f"| {rate:,} | " + " | ".join(f"{cores:.2f}" for cores in cells) + " |"


def day_table(days: list[Day]) -> Iterator[str]:
    """The lines of the table."""
    names = " | ".join(f"back after the {trouble.name}" for trouble in TROUBLES)
    yield f"| consumers by | consumer hours | {LATE_S} s or later | longest wait | {names} |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for day in days:
        longest = float(day.waits_s.max())
        wait = f"{longest:,.0f} s" if np.isfinite(longest) else "never answered"
        recoveries = " | ".join(f"{day.recovery_s(trouble):,} s" for trouble in TROUBLES)
        yield f"| {day.name} | {day.hours:.1f} | {day.late_share:.2%} | {wait} | {recoveries} |"
