"""Every process and command works with a Redis that is reached over a Unix socket, as a user with a password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from pydantic import SecretStr

from tasador.cli.commands.check import check
from tasador.cli.commands.dead_letters import app as dead_letters
from tasador.cli.commands.publish import publish
from tasador.cli.commands.reload import reload
from tasador.cli.commands.status import status
from tasador.cli.commands.verify import verify
from tasador.machine.system import System
from tests.conftest import StartRedis
from tests.models import SmallModel, own_model, small_model
from tests.tasador.command import Runner, runner_of
from transport.connection import connect

__all__ = ["own_model", "small_model"]

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]
PASSWORD = "planted \"'%#@/?&[ tail"


@pytest.fixture
def url(private_redis: StartRedis, own_model: SmallModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Of database 1 of a server of the test, which commands use."""
    # the path of a socket has at most 107 bytes
    folder = tmp_path / "a%23 ?#é"
    folder.mkdir()
    server = private_redis("--unixsocket", str(folder / "s.sock"))
    with redis.Redis.from_url(server.url) as client:
        client.acl_setuser(
            "scorer", enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], channels=["*"], commands=["+@all"]
        )
    url = f"unix://scorer:{quote(PASSWORD, safe='')}@{quote(str(folder / 's.sock'))}?db=1&client_name=scorer"
    monkeypatch.setenv("TASADOR_REDIS_URL", url)
    monkeypatch.setenv("TASADOR_HOME", str(own_model.settings.home))
    monkeypatch.setenv("TASADOR_SWAP__MAX_US_PER_ROW", "10000")
    monkeypatch.setenv("TASADOR_LOG_FORMAT", "json")
    monkeypatch.chdir(tmp_path)
    return url


@pytest.fixture
def system(url: str, own_model: SmallModel) -> Iterator[System]:
    """A system of one consumer, a worker and a monitor, which has started."""
    settings = own_model.settings.model_copy(update={"redis_url": SecretStr(url)})
    system = System(settings, ["housing"], 1, lambda _: None)
    try:
        system.start()
        yield system
    finally:
        system.stop()


def test_commands_work_over_a_socket(system: System, url: str) -> None:
    assert system.wait_until_ready(120) == []
    answered = runner_of(publish).json("--sample", "20", "--wait", "--timeout", "60")
    assert (answered["published"], answered["answers"]) == (20, {"scored": 20})
    assert "version 1 is activated" in runner_of(reload).text("--version", "1", "--wait")
    shown = runner_of(status).text()
    assert "20 scored" in shown
    assert runner_of(verify).run("--complete").exit_code == 0
    assert Runner(dead_letters).run("list").exit_code == 0
    checked = runner_of(check).text()
    assert "unix://scorer:***@" in checked
    with connect(url) as client:
        assert client.xlen("housing:predictions") == 20
    logs = [process.log.read_text(encoding="utf-8") for process in system.processes]
    assert len(logs) == 5
    for text in (shown, checked, *logs):
        assert [part for part in ("planted", " tail") if part in text] == []
