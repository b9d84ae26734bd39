"""`python -m benchmarks.bench_console`: what a console with open pages costs a busy domain, and how soon it shows."""

from __future__ import annotations

import asyncio
import statistics
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from multiprocessing import get_context
from typing import Annotated

import typer

from benchmarks.console_pages import OpenPages
from console.watch import READ_S, DomainWatch
from schemas.errors import BenchmarkError
from tasador.bench.arrivals import LEAD_S, Arrivals, publish_arrivals
from tasador.bench.contenders.contender import build_product
from tasador.bench.drain import measure_drain
from tasador.bench.model import train_reference
from tasador.bench.payloads import build_payloads
from tasador.bench.process import ContenderProcess
from tasador.bench.rig import START_TIMEOUT_S, Rig, bench_workspace, settings_for
from tasador.bench.usage import redis_cpu_s
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_line, print_note
from tasador.machine.ports import find_free_port
from tasador.machine.supervision import tasador_command

_KEPT = {"RETENTION__ANSWERS": "100000", "RETENTION__LISTINGS": "100000"}
"""A long load at the default retention would need gigabytes."""
_SAMPLE_S = 0.02
_SETTLE_S = 4.0
_READINGS = 200


@dataclass(frozen=True, slots=True)
class PhaseCost:
    """What one phase of the load used, in cores, and how many listings it answered."""

    answered: int
    seconds: float
    consumer: float
    redis: float
    console: float

    @property
    def us_per_event(self) -> float:
        """Processor time of consumer and Redis for a listing, in µs."""
        return (self.consumer + self.redis) * self.seconds / self.answered * 1e6


@contextmanager
def running_console(rig: Rig) -> Iterator[tuple[ContenderProcess, str]]:
    """Run a console on a rig; yield it with the address of its domain as soon as it is ready.

    Raises:
        BenchmarkError: it does not get ready.
    """
    port = find_free_port()
    command = tasador_command("console", rig.settings.domain, "--port", str(port))
    log = rig.settings.home / "console.log"
    with ContenderProcess("tasador console", command, rig.environment(), log) as process:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not _is_ready(port):
            process.usage()
            if time.monotonic() > deadline_s:
                raise BenchmarkError(f"the console is not ready: {process.last_line()}")
            time.sleep(0.05)
        yield process, f"http://127.0.0.1:{port}/{rig.settings.domain}"


def measure_cost(
    rig: Rig, pages: OpenPages, rate: float, seconds: float, pairs: int
) -> tuple[list[PhaseCost], list[PhaseCost], list[float], int, float]:
    """Phases of a steady load without and with pages, in turn.

    Returns:
        The costs without pages, those with pages, how far each update was behind in s, the console's peak memory, and
        the share of Redis's time that the console's readings take.
    """
    phases_s = pairs * 2 * (seconds + 2 * _SETTLE_S) + 20
    without: list[PhaseCost] = []
    with_pages: list[PhaseCost] = []
    behind: list[float] = []
    with (
        rig.consumer(_KEPT) as consumer,
        running_console(rig) as (console, url),
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
    ):
        arrivals = Arrivals(rate, int(rate * phases_s), time.monotonic() + LEAD_S)
        publishing = pool.submit(publish_arrivals, rig.settings, arrivals)
        for _ in range(pairs):
            time.sleep(_SETTLE_S)
            without.append(_phase(rig, consumer, console, seconds)[0])
            with pages.open(url):
                time.sleep(_SETTLE_S)
                pages.watch_updates()
                cost, totals = _phase(rig, consumer, console, seconds)
                with_pages.append(cost)
                behind += _behind(pages.updates(), totals)
        peak = console.peak_bytes()
        publishing.result()
        reading = asyncio.run(_cost_of_reading(rig))
    return without, with_pages, behind, peak, reading


async def _cost_of_reading(rig: Rig) -> float:
    """Processor time of Redis for a reading, as a share of the time between two readings."""
    watch = DomainWatch(rig.client, rig.settings, rig.settings.load_domain())
    await watch.read()
    before_s = redis_cpu_s(rig.client)
    for _ in range(_READINGS):
        await watch.read()
    return (redis_cpu_s(rig.client) - before_s) / _READINGS / READ_S


def _phase(
    rig: Rig, consumer: ContenderProcess, console: ContenderProcess, seconds: float
) -> tuple[PhaseCost, list[tuple[float, int]]]:
    """Let time pass; returns what was used, and the number of predictions at each moment of the clock."""

    def used() -> tuple[float, float, float]:
        return consumer.usage()[0], redis_cpu_s(rig.client), console.usage()[0]

    totals: list[tuple[float, int]] = []
    begin_s, before = time.monotonic(), used()
    while time.monotonic() < begin_s + seconds:
        totals.append((time.time(), int(rig.client.hget(rig.streams.progress, "scored") or 0)))
        time.sleep(_SAMPLE_S)
    took_s = time.monotonic() - begin_s
    cores = [(now - then) / took_s for now, then in zip(used(), before, strict=True)]
    return PhaseCost(totals[-1][1] - totals[0][1], took_s, *cores), totals


def _behind(seen: Sequence[tuple[float, int]], totals: Sequence[tuple[float, int]]) -> list[float]:
    """How long after it was true each number was shown, where that is known."""
    found = []
    for at_s, shown in seen:
        true_s = next((then_s for then_s, total in totals if total >= shown), None)
        if true_s is not None and shown > totals[0][1]:
            found.append(max(at_s - true_s, 0.0))
    return found


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
            return bool(response.status == HTTPStatus.OK)
    except OSError:
        return False


def bench_console(
    pages: Annotated[int, typer.Option(min=1, help="Number of open pages.")] = 10,
    rate: Annotated[float, typer.Option(min=1, help="Listings a second.")] = 10_000,
    seconds: Annotated[float, typer.Option(min=2, help="Of each phase.")] = 15,
    rounds: Annotated[int, typer.Option(min=1, help="Number of pairs of phases, and of pairs of drains.")] = 3,
    listings: Annotated[int, typer.Option(min=2000, help="Number of listings in a drain.")] = 200_000,
) -> None:
    """Measure first view, updates, and the cost of a console with open pages, at a steady rate and in drains."""
    with interrupt_on_signals(), bench_workspace() as (url, home), OpenPages(home, pages) as shown:
        settings = settings_for(url, home)
        rig = Rig(url, settings, train_reference(settings, print_note))
        rig.activate()
        with running_console(rig) as (_, address):
            first, *others = (shown.first_view_s(address) for _ in range(6))
        print_line(f"first view: {first:.2f} s of a new console, then {_spread(others, '.2f')} s")
        without, with_pages, behind, peak, reading = measure_cost(rig, shown, rate, seconds, rounds)
        print_line(f"{_spread([each.answered / each.seconds for each in with_pages], ',.0f')} answers/s, {pages} pages")
        print_line(
            f"console: {_of(with_pages, 'console', '.3f')} cores with pages, "
            f"{_of(without, 'console', '.3f')} without, peak {peak / 1e6:.0f} MB"
        )
        print_line(f"Redis: {_of(with_pages, 'redis', '.3f')} cores with pages, {_of(without, 'redis', '.3f')} without")
        print_line(f"Redis: {reading:.2%} of its time for the console's readings, however many pages are open")
        ratios = [one.us_per_event / other.us_per_event for one, other in zip(with_pages, without, strict=True)]
        print_line(f"consumer and Redis: {_spread(ratios, '.3f')} times the time for a listing")
        worst = sorted(behind)[int(0.99 * (len(behind) - 1))]
        print_line(f"updates: {statistics.median(behind):.2f} s behind, p99 {worst:.2f} s, of {len(behind)}")
        _print_drains(rig, shown, rounds, listings)


def _print_drains(rig: Rig, pages: OpenPages, rounds: int, listings: int) -> None:
    payloads = build_payloads(rig.settings.load_domain(), listings)

    def drain(number: int) -> float:
        return measure_drain(rig, build_product(), payloads, number).events_per_s

    alone, beside = [], []
    for number in range(1, rounds + 1):
        alone.append(drain(number))
        with running_console(rig) as (_, url), pages.open(url):
            beside.append(drain(number))
    ratios = [one / other for one, other in zip(beside, alone, strict=True)]
    print_line(f"drains: {_spread(alone, ',.0f')} listings/s alone, {_spread(ratios, '.3f')} times that with pages")


def _of(costs: Sequence[PhaseCost], name: str, form: str) -> str:
    return _spread([getattr(each, name) for each in costs], form)


def _spread(figures: Sequence[float], form: str) -> str:
    return f"{statistics.median(figures):{form}} ({min(figures):{form}} - {max(figures):{form}})"


if __name__ == "__main__":
    typer.run(bench_console)
