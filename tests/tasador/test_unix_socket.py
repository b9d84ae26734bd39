"""A system on a registry with a champion, whose Redis is reached over a Unix socket, as a user with a password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from pydantic import SecretStr

from registry.versions import ModelVersionInfo
from tasador.cli.commands.check import check
from tasador.cli.commands.dead_letters import app as dead_letters
from tasador.cli.commands.publish import publish
from tasador.cli.commands.reload import reload
from tasador.cli.commands.status import status
from tasador.cli.commands.verify import verify
from tasador.machine.system import System
from tests.models import SmallModel, small_model, train_small_model
from tests.redis_server import RedisServer
from tests.tasador.command import Runner, runner_of
from tests.waiting import wait_until
from transport.connection import connect

__all__ = ["small_model"]

pytestmark = [pytest.mark.long]
PASSWORD = "planted \"'%#@/?&[ tail"
READY_S = 120


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of database 1 of a server of the module, which is empty."""
    # the path of a socket has at most 107 bytes
    folder = tmp_path_factory.mktemp("s") / "a%23 ?#é"
    folder.mkdir()
    server = RedisServer(folder.parent / "redis", "--unixsocket", str(folder / "s.sock"))
    server.start()
    with redis.Redis.from_url(server.url) as client:
        client.acl_setuser(
            "scorer", enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], channels=["*"], commands=["+@all"]
        )
    yield f"unix://scorer:{quote(PASSWORD, safe='')}@{quote(str(folder / 's.sock'))}?db=1&client_name=scorer"
    server.stop()


@pytest.fixture(scope="module")
def chosen(small_model: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    """A registry with two versions; the older one is champion."""
    model = small_model.in_copy(tmp_path_factory.mktemp("chosen") / "home")
    train_small_model(model.settings.home, trees=11)
    model.registry.set_champion("1")
    return model


@pytest.fixture(scope="module")
def before(chosen: SmallModel) -> list[ModelVersionInfo]:
    """What was registered before the system started."""
    return chosen.registry.versions()


@pytest.fixture(scope="module")
def messages() -> list[str]:
    """What the system said."""
    return []


@pytest.fixture(scope="module")
def system(url: str, chosen: SmallModel, before: list[ModelVersionInfo], messages: list[str]) -> Iterator[System]:
    """A system of one process of each kind, which has started."""
    assert before
    settings = chosen.settings.model_copy(update={"redis_url": SecretStr(url)})
    system = System(settings, ["housing"], 1, messages.append)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TASADOR_SWAP__MAX_US_PER_ROW", "10000")
            patch.setenv("TASADOR_LOG_FORMAT", "json")
            system.start()
            with connect(url) as client:
                wait_until(lambda: client.hget("housing:model", "version"), READY_S, "a model is activated")
            assert system.wait_until_ready(READY_S) == []
        yield system
    finally:
        system.stop()


@pytest.fixture(autouse=True)
def _environment(url: str, chosen: SmallModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The system of commands that a test runs."""
    monkeypatch.setenv("TASADOR_REDIS_URL", url)
    monkeypatch.setenv("TASADOR_HOME", str(chosen.settings.home))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("system")
def test_an_existing_champion_is_activated_and_nothing_is_trained(
    url: str, chosen: SmallModel, before: list[ModelVersionInfo], messages: list[str]
) -> None:
    with connect(url) as client:
        assert client.hget("housing:model", "version") == b"1"
    assert chosen.registry.versions() == before
    assert (chosen.registry.resolve().version, messages) == ("1", [])


def test_commands_work_over_a_socket(system: System, url: str) -> None:
    answered = runner_of(publish).json("--sample", "20", "--wait", "--timeout", "60")
    assert (answered["published"], answered["answers"]) == (20, {"scored": 20})
    assert "version 1 is activated" in runner_of(reload).text("--version", "1", "--wait")
    # a gateway that was started before the consumer had its model says so until it looks again
    wait_until(lambda: runner_of(status).run().exit_code == 0)
    shown = runner_of(status).text()
    assert "20 scored" in shown
    assert runner_of(verify).run("--complete").exit_code == 0
    assert Runner(dead_letters).run("list").exit_code == 0
    checked = runner_of(check).text()
    assert "unix://scorer:***@" in checked
    with connect(url) as client:
        assert client.xlen("housing:predictions") == 20
    logs = [process.log.read_text(encoding="utf-8") for process in system.processes]
    assert len(logs) == 6
    for text in (shown, checked, *logs):
        assert [part for part in ("planted", " tail") if part in text] == []
