"""A rollout on a real Redis: a worker and a monitor in the test's process, and a consumer in one that tests kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import redis

from monitoring.monitor.app import build_monitor
from operations.verification.checker import Checker
from operations.verification.report import VerificationReport
from registry.location import tracking_uri_of
from registry.store import Registry
from schemas.commands import ModelEvent, StartRollout
from schemas.events import Outcome, OutcomeData
from schemas.rollout_commands import RolloutStartData
from schemas.rollout_report import RolloutReport
from schemas.rollouts import DesiredRollout
from schemas.settings import Settings
from tasador.machine.reference import reference_loader
from tests.consumer.harness import HOUSING, event, pending
from tests.models import fitted, register, table_of
from tests.training.worker.command_client import CommandClient, working
from tests.waiting import wait_until_async

PLAIN, GOOD, POOR, WILD = "1", "2", "3", "4"
"""Versions of the store: linear, and better, worse and far too high."""
LABELLED = 0.25
"""Share of the listings that get an outcome."""


def build_store(home: Path) -> Path:
    """A home folder with the versions; the linear one is champion."""
    home.mkdir()
    registry = Registry(tracking_uri_of(Settings(home=home)), "housing")
    table = table_of("housing")
    few = replace(table, frame=table.frame.iloc[::25], target=table.target[::25])
    high = replace(table, target=table.target + 40)
    pipelines = [
        fitted(table, "linear"),
        fitted(table, trees=300),
        fitted(few, "linear"),
        fitted(high, "linear"),
    ]
    for pipeline in pipelines:
        register(registry, pipeline, table)
    registry.set_champion(PLAIN)
    return home


class LiveRollout:
    """Publishes listings with subjects and, later, their outcomes, while a rollout runs.

    Args:
        client: replies must be bytes.
        settings: of all processes.
        log: of the consumer.
        late_s: how long after its listing an outcome comes.
        wave: listings that are published at once.
    """

    def __init__(self, client: redis.Redis, settings: Settings, log: Path, late_s: float, wave: int) -> None:
        self.commands = CommandClient(client, settings)
        self.client: Any = client
        self.settings = settings
        self.streams = settings.streams
        self.published: list[str] = []
        self.kills = 0
        self._log = log
        self._late_s = late_s
        self._wave = wave
        self._sold: deque[tuple[float, str, float]] = deque()
        self._rng = np.random.default_rng(17)
        table = table_of("housing")
        self._rows: Any = table.frame.to_dict("records")
        self._truths = table.target.tolist()
        self._consumer = self._start_consumer()

    async def start(self, version: str, **data: Any) -> DesiredRollout:
        """Start a rollout, and wait until the consumer carries it out."""
        command = StartRollout(data=RolloutStartData.model_validate({"version": version, "salt": "live"} | data))
        started = await self.commands.execute(command, 60)
        assert started.type == "rollout.started", started
        await wait_until_async(self._is_carried_out, 30, "the consumer carries it out")
        rollout = self.rollout()
        assert rollout is not None
        return rollout

    async def run(self, is_over: Callable[[], bool], most: int, *, kills_in_each_phase: bool = False) -> None:
        """Publish waves of listings until something is true, or there have been too many."""
        phases = set[str]()
        while not is_over():
            assert len(self.published) < most, f"not over after {most} listings: {self.report()}"
            self._publish_wave()
            rollout = self.rollout()
            if kills_in_each_phase and rollout is not None and rollout.revision not in phases:
                phases.add(rollout.revision)
                await self._kill_consumer()
            await wait_until_async(lambda: self._answered() >= len(self.published), 60, "the wave is answered")
            await self._wait_for_report(is_over)

    def check(self) -> VerificationReport:
        """Verify all listings, their arms and pairs."""
        return Checker(self.client, self.streams, HOUSING, 60_000).check(set(self.published))

    def rollout(self) -> DesiredRollout | None:
        """The desired rollout."""
        return DesiredRollout.from_hash(self.client.hgetall(self.streams.rollout))

    def report(self) -> RolloutReport | None:
        """The monitor's newest report."""
        stored = self.client.get(self.streams.rollout_report)
        return RolloutReport.model_validate_json(stored) if stored else None

    def events(self, kind: str) -> list[ModelEvent]:
        """The events of a kind about the rollout, oldest first."""
        return [event for _, event in self.commands.events(kind)]

    def stop_consumer(self) -> None:
        """Stop the consumer as SIGTERM does."""
        self._consumer.terminate()
        self._consumer.wait(timeout=120)

    async def _wait_for_report(self, is_over: Callable[[], bool]) -> None:
        """Wait until the monitor has seen the last wave; without a rollout it reports nothing."""
        reported = self.report()

        def is_seen() -> bool:
            return is_over() or self.rollout() is None or self.report() != reported

        await wait_until_async(is_seen, 60, "the monitor reports")

    def _publish_wave(self) -> None:
        now = time.monotonic()
        with self.client.pipeline(transaction=False) as pipeline:
            for place in self._rng.integers(0, len(self._rows), self._wave).tolist():
                name = f"l-{len(self.published) + len(pipeline)}"
                payload = event(name, self._rows[place], subject=f"house {name}")
                pipeline.xadd(self.streams.listings, {"data": payload})
                if self._rng.random() < LABELLED:
                    self._sold.append((now + self._late_s, name, self._truths[place]))
            self.published += [entry_id.decode() for entry_id in pipeline.execute()]
            while self._sold and self._sold[0][0] <= now:
                _, name, price = self._sold.popleft()
                sold = Outcome(id=f"o-{name}", data=OutcomeData(listing_id=name, outcome=price))
                pipeline.xadd(self.streams.outcomes, {"data": sold.model_dump_json()})
            pipeline.execute()

    def _answered(self) -> int:
        return int(self.client.hget(self.streams.progress, "answered") or 0)

    def _is_carried_out(self) -> bool:
        rollout = self.rollout()
        beat = self.client.hget(self.streams.consumers, "c1") or b""
        return rollout is not None and f'"rollout_revision":"{rollout.revision}"'.encode() in beat

    async def _kill_consumer(self) -> None:
        """Kill the consumer while it has listings in hand, and start another one of its name."""
        await wait_until_async(self._is_carried_out, 30, "the consumer carries out the phase")

        def is_in_mid_batch() -> bool:
            self._publish_wave()
            self._consumer.send_signal(signal.SIGSTOP)
            if pending(self.client, self.streams):
                return True
            self._consumer.send_signal(signal.SIGCONT)
            return False

        await wait_until_async(is_in_mid_batch, 60, "it is stopped in mid-batch")
        self._consumer.send_signal(signal.SIGKILL)
        assert self._consumer.wait(120) == -signal.SIGKILL
        self.kills += 1
        self._consumer = self._start_consumer()
        await wait_until_async(self._is_carried_out, 60, "the next consumer carries out the rollout")

    def _start_consumer(self) -> subprocess.Popen[bytes]:
        assert self.settings.redis_url is not None
        environment = {
            "TASADOR_HOME": str(self.settings.home),
            "TASADOR_REDIS_URL": self.settings.redis_url.get_secret_value(),
            "TASADOR_PREFIX": self.settings.prefix or "",
            "TASADOR_CLAIM_IDLE_MS": str(self.settings.claim_idle_ms),
            "TASADOR_HEARTBEAT_S": "0.1",
            "TASADOR_SWAP__POLL_S": "0.05",
            "TASADOR_ROLLOUT__MAX_FAILURES": str(self.settings.rollout.max_failures),
        }
        command = [sys.executable, "-m", "tasador", "consumer", "--name", "c1", "--port", "0"]
        with self._log.open("ab") as out:
            return subprocess.Popen(command, env=os.environ | environment, stdout=out, stderr=out)


@asynccontextmanager
async def living(
    client: redis.Redis, settings: Settings, log: Path, late_s: float, wave: int = 200
) -> AsyncIterator[LiveRollout]:
    """Run worker, monitor and consumer until the rollout's test is over."""
    live = LiveRollout(client, settings, log, late_s, wave)
    monitor = build_monitor(settings, "m1", reference_loader(settings))
    try:
        async with working(settings), monitor.start_lifespan_context():
            await wait_until_async(live.commands.model, 60, "the champion is activated")
            yield live
        assert monitor.failure is None
    finally:
        live.stop_consumer()
