"""Periodic tasks repeat, outlive unavailable services, wake up early, and stop or finish."""

from __future__ import annotations

import asyncio

import pytest
import redis.exceptions

from schemas.errors import ConfigurationError, UnavailableError
from service import periodic
from service.health import Health
from service.periodic import PeriodicTasks, Step
from tests.waiting import wait_until_async


class Work:
    """A step that fails with the given errors first, and then counts its runs."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.runs = 0

    async def run(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.runs += 1


def never(error: BaseException) -> None:
    raise AssertionError(error)


async def test_a_step_repeats() -> None:
    work, tasks = Work(), PeriodicTasks(never)
    tasks.start([Step("work", 0.001, work.run)])
    await wait_until_async(lambda: work.runs >= 3)
    await tasks.stop()


@pytest.mark.parametrize("error", [redis.exceptions.ConnectionError("gone"), UnavailableError("away"), OSError("full")])
async def test_a_step_outlives_an_unavailable_service_and_health_shows_it(error: Exception) -> None:
    health, work = Health(), Work(error)
    health.clear("start")
    tasks = PeriodicTasks(never, health)
    tasks.start([Step("work", 0.05, work.run)])
    await wait_until_async(lambda: health.reasons == (f"work: {error}",))
    await wait_until_async(lambda: work.runs and health.is_ready)
    await tasks.stop()


async def test_another_error_ends_the_step_and_is_passed_on() -> None:
    errors: list[BaseException] = []
    bug, work = ValueError("a bug"), Work()
    work.errors.append(bug)
    tasks = PeriodicTasks(errors.append)
    tasks.start([Step("work", 0.001, work.run)])
    await wait_until_async(lambda: errors)
    assert (errors, work.runs) == ([bug], 0)


async def test_a_wakeup_ends_the_pause() -> None:
    wakeup, work = asyncio.Event(), Work()

    async def run() -> None:
        wakeup.clear()
        await work.run()

    tasks = PeriodicTasks(never)
    tasks.start([Step("work", 3600, run, wakeup)])
    await wait_until_async(lambda: work.runs == 1)
    wakeup.set()
    await wait_until_async(lambda: work.runs == 2)
    await tasks.stop()


async def test_finishing_waits_for_the_current_run() -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run() -> None:
        begun.set()
        await may_end.wait()
        ended.set()

    tasks = PeriodicTasks(never)
    tasks.start([Step("work", 0.001, run)])
    await begun.wait()
    finishing = asyncio.create_task(tasks.finish())
    await asyncio.sleep(0)
    assert not finishing.done()
    may_end.set()
    await finishing
    assert ended.is_set()


async def test_stopping_cancels_a_run() -> None:
    begun = asyncio.Event()

    async def run() -> None:
        begun.set()
        await asyncio.Event().wait()

    tasks = PeriodicTasks(never)
    tasks.start([Step("work", 0.001, run)])
    await begun.wait()
    await tasks.stop()


async def test_an_error_that_nothing_would_show_is_passed_on() -> None:
    errors: list[BaseException] = []
    failure = ConfigurationError("a setting cannot be used")
    tasks = PeriodicTasks(errors.append)
    tasks.start([Step("work", 0.001, Work(failure).run)])
    await wait_until_async(lambda: errors)
    assert errors == [failure]


async def test_a_rare_step_is_retried_soon_after_many_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periodic, "_FIRST_RETRY_S", 0.001)
    monkeypatch.setattr(periodic, "_LONGEST_RETRY_S", 0.004)
    health, work = Health(), Work(*(UnavailableError("away") for _ in range(20)))
    health.clear("start")
    tasks = PeriodicTasks(never, health)
    tasks.start([Step("work", 3600, work.run)])
    await wait_until_async(lambda: work.runs == 1 and health.is_ready)
    await tasks.stop()
