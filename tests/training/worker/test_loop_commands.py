"""The retraining loop is paused and resumed by commands, and who did it is kept."""

from __future__ import annotations

from schemas.commands import PauseLoop, ReasonData, ResumeLoop
from schemas.settings import Settings
from schemas.states import LoopPause
from tests.training.worker.command_client import CommandClient, working


async def test_a_pause_lasts_until_it_is_resumed(commands: CommandClient, worker_settings: Settings) -> None:
    key = commands.streams.loop
    async with working(worker_settings):
        paused = await commands.execute(PauseLoop(id="c-1", actor="ada", data=ReasonData(reason="wrong outcomes")))
        pause = LoopPause.from_hash(commands.redis.hgetall(key))
        assert pause is not None
        assert (pause.actor, pause.reason, pause.command_id) == ("ada", "wrong outcomes", "c-1")
        await commands.execute(PauseLoop(actor="bob"))
        again = LoopPause.from_hash(commands.redis.hgetall(key))
        assert again is not None
        assert (again.actor, again.reason) == ("bob", "")
        resumed = await commands.execute(ResumeLoop(actor="bob"))
    assert (paused.type, resumed.type) == ("loop.paused", "loop.resumed")
    assert not commands.redis.exists(key)
    assert commands.redis.xlen(commands.streams.history) >= 3
