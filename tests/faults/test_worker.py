"""A training worker killed during a reload and during a promotion (during a training: `test_worker_recovery`)."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from pydantic import SecretStr

from registry.store import Registry
from schemas.commands import Promote, PromoteData, Reload, ReloadData
from schemas.settings import Settings
from tests.faults.conftest import Record, StartProxy
from tests.training.worker.command_client import CommandClient, WorkerProcess
from tests.training.worker.conftest import commands, small_models, store, worker_settings
from transport.scripts import Script

__all__ = ["commands", "small_models", "store", "worker_settings"]

pytestmark = [pytest.mark.faults]

START_S = 90
REPLY = Script("training.worker", "reply").sha1.encode()
RELOAD = Reload(id="c-1", data=ReloadData(version="2"))
PROMOTE = Promote(id="c-1", data=PromoteData(version="2", force=True, reason="a test of crashes"))


@pytest.mark.parametrize(("command", "is_written"), [(RELOAD, True), (PROMOTE, False)], ids=["reload", "promotion"])
async def test_worker_killed_around_its_reply(
    commands: CommandClient,
    worker_settings: Settings,
    store: Registry,
    redis_url: str,
    start_proxy: StartProxy,
    tmp_path: Path,
    record: Record,
    *,
    command: Reload | Promote,
    is_written: bool,
) -> None:
    """The reply is not sent, or written without confirmation: in the end there is one activation."""
    proxy = start_proxy(redis_url)
    if is_written:
        proxy.lose_reply_to(REPLY, b'"c-1"')
    else:
        proxy.withhold(REPLY, b'"c-1"')
    entry = commands.send(command)
    through = worker_settings.model_copy(update={"redis_url": SecretStr(proxy.url)})
    worker = WorkerProcess(through, "w1", tmp_path / "w1.log")
    try:
        injected = proxy.has_lost if is_written else proxy.has_withheld
        assert await asyncio.to_thread(injected.wait, START_S)
    finally:
        assert worker.end(signal.SIGKILL) == -signal.SIGKILL
    assert bool(commands.find_reply("c-1")) == is_written
    assert commands.pending() == ({} if is_written else {entry: "w1"})
    successor = WorkerProcess(worker_settings, "w2", tmp_path / "w2.log")
    try:
        reply = await commands.wait_for_reply("c-1", START_S)
        version = commands.model()["version"]
        # a reply to the next command shows that the successor has finished c-1
        following = await commands.execute(Reload(id="c-2", data=ReloadData(version="3")), START_S)
        assert following.type == "model.activated"
        await commands.wait_until_none_pending()
    finally:
        successor.end(signal.SIGKILL)
    assert reply.type == "model.activated"
    assert commands.types("c-1").count("model.activated") == 1
    assert version == "2"
    assert store.resolve().version == ("2" if isinstance(command, Promote) else "1")
    record({"kills": 1, "commands": 1, "replies_lost": int(is_written), "replies_withheld": int(not is_written)})
