"""A training worker killed in the middle of a reload and of a promotion (of a training: `test_worker_recovery`)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from registry.store import Registry
from schemas.commands import Promote, PromoteData, Reload, ReloadData
from schemas.settings import Settings
from tests.faults.conftest import Proxy
from tests.training.worker.command_client import CommandClient, WorkerProcess
from tests.training.worker.conftest import desk, small_models, store, worker_settings
from transport.scripts import Script

__all__ = ["desk", "small_models", "store", "worker_settings"]

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
Record = Callable[[dict[str, Any]], None]

START_S = 90
REPLY = Script("training.worker", "reply").sha1.encode()
RELOAD = Reload(id="c-1", data=ReloadData(version="2"))
PROMOTE = Promote(id="c-1", data=PromoteData(version="2", force=True, reason="a test of crashes"))


@pytest.mark.parametrize(("command", "is_written"), [(RELOAD, True), (PROMOTE, False)], ids=["reload", "promotion"])
async def test_worker_killed_around_its_answer(
    desk: CommandClient,
    worker_settings: Settings,
    store: Registry,
    redis_url: str,
    proxy: Proxy,
    tmp_path: Path,
    record: Record,
    *,
    command: Reload | Promote,
    is_written: bool,
) -> None:
    """The answer has not left, or is written and its reply is lost: the next worker leaves one activation."""
    between = proxy(redis_url)
    if is_written:
        between.lose_reply_to(REPLY, b'"c-1"')
    else:
        between.withhold(REPLY, b'"c-1"')
    entry = desk.send(command)
    through = worker_settings.model_copy(update={"redis_url": SecretStr(between.url)})
    worker = WorkerProcess(through, "w1", tmp_path / "w1.log")
    try:
        struck = between.has_lost if is_written else between.has_withheld
        assert await asyncio.to_thread(struck.wait, START_S)
    finally:
        assert worker.end(signal.SIGKILL) == -signal.SIGKILL
    assert bool(desk.find_answer("c-1")) == is_written
    assert desk.pending() == ({} if is_written else {entry: "w1"})
    successor = WorkerProcess(worker_settings, "w2", tmp_path / "w2.log")
    try:
        answer = await desk.answer("c-1", START_S)
        version = desk.model()["version"]
        # whatever the successor would do about c-1 it has done when it answers the next one
        assert (await desk.ask(Reload(id="c-2", data=ReloadData(version="3")), START_S)).type == "model.activated"
        await desk.nothing_pending()
    finally:
        successor.end(signal.SIGKILL)
    assert answer.type == "model.activated"
    assert desk.types("c-1").count("model.activated") == 1
    assert version == "2"
    assert store.resolve().version == ("2" if isinstance(command, Promote) else "1")
    record({"kills": 1, "commands": 1, "replies_lost": int(is_written), "answers_withheld": int(not is_written)})
