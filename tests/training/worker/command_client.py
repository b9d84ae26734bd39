"""Sends commands and reads their replies, and runs workers in the test's process or in their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import redis
from pydantic import SecretStr

from schemas.commands import Command, ModelEvent
from schemas.settings import Settings, load_settings
from schemas.streams import DATA_FIELD, TRAINERS
from tests.models import OPEN_GATE, OPEN_INTERVAL
from tests.waiting import wait_until, wait_until_async
from training.worker.app import WorkerApp, build_worker
from transport.entries import EntryId

RUN_WORKER = "import sys; from schemas.settings import load_settings; from training.worker.app import run_trainer; "
RUN_WORKER += "run_trainer(load_settings(), sys.argv[1], 0)"


def settings_for(home: Path, store: Path, redis_url: str, prefix: str, **overrides: Any) -> Settings:
    """Settings of a worker with short intervals and a quick training, on a copy of a model store."""
    home.mkdir()
    shutil.copy(store / "mlflow.db", home)
    (home / "artifacts").symlink_to(store / "artifacts")
    short: dict[str, Any] = {
        "claim_idle_ms": 500,
        "registry_poll_s": 0.1,
        "redis_url": SecretStr(redis_url),
        "prefix": prefix,
    }
    settings = load_settings(home=home, **short | overrides)
    quick = settings.training.model_copy(update={"folds": 2, "repeats": 1, "models": ("linear",), "report": "figures"})
    return settings.model_copy(update={"training": quick, "gate": OPEN_GATE, "interval": OPEN_INTERVAL})


@asynccontextmanager
async def working(settings: Settings, name: str = "w1") -> AsyncIterator[WorkerApp]:
    """Run a worker in this process, until its clean stop."""
    app = build_worker(settings, name)
    async with app.start_lifespan_context():
        yield app
    assert app.failure is None


def training_processes(worker: psutil.Process) -> list[psutil.Process]:
    """The training processes of a worker's process."""
    return [child for child in worker.children() if "training.worker.training_process" in child.cmdline()]


class WorkerProcess:
    """A worker in its own process, for tests that kill it."""

    def __init__(self, settings: Settings, name: str, log: Path, **variables: str) -> None:
        assert settings.redis_url is not None
        environment = {
            "TASADOR_HOME": str(settings.home),
            "TASADOR_REDIS_URL": settings.redis_url.get_secret_value(),
            "TASADOR_PREFIX": settings.prefix or "",
            "TASADOR_CLAIM_IDLE_MS": str(settings.claim_idle_ms),
            "TASADOR_TRAINING__FOLDS": "2",
            "TASADOR_TRAINING__REPEATS": "1",
            "TASADOR_TRAINING__SECONDS": "2",
            "TASADOR_TRAINING__REPORT": "figures",
            **variables,
        }
        with log.open("ab") as out:
            command = [sys.executable, "-c", RUN_WORKER, name]
            self._process = subprocess.Popen(command, env=os.environ | environment, stdout=out, stderr=out)
        self.pid = self._process.pid

    def end(self, which: signal.Signals) -> int:
        """Send a signal; returns the exit code."""
        self._process.send_signal(which)
        return self._process.wait(timeout=120)


class CommandClient:
    """Sends the commands of one domain, and reads replies and events."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self.redis: Any = client
        self.settings = settings
        self.streams = settings.streams

    def send(self, command: Command) -> str:
        return self.send_fields({DATA_FIELD: command.model_dump_json()})

    def send_fields(self, fields: dict[Any, Any]) -> str:
        return str(EntryId.parse(self.redis.xadd(self.streams.commands, fields)))

    def deliver_to_dead_worker(self, name: str = "dead", deliveries: int = 1) -> None:
        """Read all commands as a worker that does not exist, so that they stay pending."""
        if not self.redis.exists(self.streams.commands) or not self.redis.xinfo_groups(self.streams.commands):
            self.redis.xgroup_create(self.streams.commands, TRAINERS, "0", mkstream=True)
        self.redis.xreadgroup(TRAINERS, name, {self.streams.commands: ">"})
        for entry in self.pending():
            self.redis.xclaim(self.streams.commands, TRAINERS, name, 0, [entry], retrycount=deliveries, justid=True)

    def events(self, *types: str) -> list[tuple[str, ModelEvent]]:
        events = [
            (str(EntryId.parse(entry)), ModelEvent.model_validate_json(fields[DATA_FIELD]))
            for entry, fields in self.redis.xrange(self.streams.model_events)
        ]
        return [(entry, event) for entry, event in events if not types or event.type in types]

    def types(self, command_id: str) -> list[str]:
        return [event.type for _, event in self.events() if event.data.command_id == command_id]

    def find_reply(self, key: str) -> ModelEvent | None:
        """The final event of the reply under a command's or an entry's id."""
        reply = self.redis.hget(self.streams.command_replies, key)
        return dict(self.events())[json.loads(reply)["event"]] if reply else None

    async def wait_for_reply(self, key: str, timeout_s: float = 20) -> ModelEvent:
        reply = await wait_until_async(lambda: self.find_reply(key), timeout_s, f"{key} has a reply")
        assert reply is not None
        return reply

    async def execute(self, command: Command, timeout_s: float = 20) -> ModelEvent:
        """Send a command and wait for its reply."""
        self.send(command)
        return await self.wait_for_reply(command.id, timeout_s)

    def pending(self) -> dict[str, str]:
        """The name of the worker by pending entry id."""
        pending = self.redis.xpending_range(self.streams.commands, TRAINERS, "-", "+", 100)
        return {entry["message_id"].decode(): entry["consumer"].decode() for entry in pending}

    async def wait_until_none_pending(self) -> None:
        await wait_until_async(lambda: not self.pending(), message="nothing is pending")

    def model(self) -> dict[str, str]:
        return {key.decode(): value.decode() for key, value in self.redis.hgetall(self.streams.model).items()}

    def wait_for_event(self, event_type: str, timeout_s: float = 60) -> ModelEvent:
        return wait_until(lambda: self.events(event_type), timeout_s, f"{event_type} is on the stream")[0][1]
