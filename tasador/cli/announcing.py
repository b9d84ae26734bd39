"""Announces a training of the command line in Redis, so that the status and waiting consumers say that it runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from redis.exceptions import RedisError

from schemas.errors import ConfigurationError
from schemas.settings import Settings
from schemas.states import TrainerHeartbeat
from service.activity import Activities, RunningActivity
from service.health import Health
from service.heartbeat import Heartbeat
from service.periodic import PeriodicTasks, Step
from tasador.cli.names import host_name
from tasador.machine.running_system import find_settings, redis_url
from transport.connection import connect_async


@contextmanager
def announced_training(settings: Settings) -> Iterator[RunningActivity]:
    """Write heartbeats while the block trains, and yield the activity, which receives the progress.

    A training needs no Redis: where there is none, or it does not answer, nothing is announced.
    """
    activities = Activities()
    with activities.doing("training") as activity:
        try:
            connected = find_settings(settings.domain)
        except ConfigurationError:
            yield activity
            return
        announcer = _Announcer(connected, activities)
        announcer.start()
        try:
            yield activity
        finally:
            announcer.stop()


class _Announcer:
    """A thread with an event loop, because a training blocks."""

    def __init__(self, settings: Settings, activities: Activities) -> None:
        self._settings = settings
        self._activities = activities
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = Thread(target=self._run, name="announcer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._beat())

    async def _beat(self) -> None:
        health = Health()
        health.clear("start")
        key, name = self._settings.streams.trainers, f"train-{host_name()}-{os.getpid()}"
        async with connect_async(redis_url(self._settings)) as client:
            heartbeat = Heartbeat(
                client, key, TrainerHeartbeat, name, None, health, self._activities, lambda: {"is_worker": False}
            )
            tasks = PeriodicTasks(lambda _: None)
            tasks.start([Step("heartbeat", self._settings.heartbeat_s, heartbeat.beat)])
            await self._end.wait()
            await tasks.stop()
            with suppress(RedisError, OSError):
                await heartbeat.remove()
