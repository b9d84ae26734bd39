"""The runbook covers every reason of a status, and its instructions work."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any, get_args

import pytest
import redis

from operations import judging
from operations.judging import BacklogStatus, judge
from operations.processes import ConsumerStatus, MonitorStatus, Processes, TrainerStatus
from operations.verify import published, verify
from schemas.settings import load_settings
from schemas.states import ConsumerHeartbeat, DesiredModel, MonitorHeartbeat, TrainerHeartbeat
from schemas.streams import SCORERS, Streams
from tasador.cli.commands.check import check
from tasador.cli.commands.publish import publish
from tests.conftest import StartRedis
from tests.consumer.harness import Client, activate, count, publish_numbered, running, settings_for
from tests.models import SmallModel, train_small_model
from tests.tasador.command import runner_of
from tests.waiting import wait_until, wait_until_async
from transport.blocking_groups import BlockingGroup
from transport.connection import connect

PAGE = (Path(__file__).parents[2] / "docs/runbook.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^### `(.+)`$", PAGE, flags=re.MULTILINE)
MODEL = DesiredModel(activation="2-0", version="2", digest="d", uri="file:///2")
QUIET = BacklogStatus(total=0, undelivered=0, pending=0, is_exact=True, oldest_pending_s=0)


IDENTITY: dict[str, Any] = {"instance": "i", "host": "h", "pid": 1, "started_ms": 0, "at_ms": 0}
TRAINER = TrainerHeartbeat(name="t1", state="running", **IDENTITY)
MONITOR = MonitorHeartbeat(name="m1", state="running", **IDENTITY)


def _consumer(silent_s: float = 0, **fields: Any) -> Processes:
    given = {"state": "running", "version": "2", "activation": "2-0"} | fields
    beat = ConsumerHeartbeat(name="a1", **IDENTITY, **given)
    consumer = ConsumerStatus(heartbeat=beat, is_living=not silent_s, silent_s=silent_s)
    trainer = TrainerStatus(heartbeat=TRAINER, is_living=True, silent_s=0)
    return Processes(0, (consumer,), (trainer,), (MonitorStatus(heartbeat=MONITOR, is_living=True, silent_s=0),))


def every_reason() -> set[str]:
    """Every reason of a status, with an example of a name or number."""
    states = get_args(ConsumerHeartbeat.model_fields["state"].annotation)
    reasons: set[str] = set()
    for state in states:
        reasons.update(judge("housing", _consumer(state=state, reasons=("redis: away",)), MODEL, QUIET, None)[1])
    reasons.update(judge("housing", Processes(0), None, QUIET, None)[1])
    reasons.update(judge("housing", _consumer(silent_s=20), MODEL, QUIET, None)[1])
    reasons.update(judge("housing", _consumer(version="1", activation="1-0"), MODEL, QUIET, None)[1])
    full = QUIET.model_copy(update={"total": 7, "oldest_pending_s": 61})
    reasons.update(judge("housing", _consumer(), MODEL, full, 7)[1])
    return reasons | {str(BlockingGroup("archivers", "0-0", 7)), str(BlockingGroup("archivers", "1-0", None))}


def _pattern(heading: str) -> str:
    return ".*".join(re.escape(part) for part in re.sub(r"^(…: \w+) …$", r"\1…", heading).split("…"))


def testevery_reason_of_a_status_has_one_section() -> None:
    reasons = every_reason()
    missing = [reason for reason in reasons if not any(re.fullmatch(_pattern(each), reason) for each in HEADINGS)]
    assert not missing
    unused = [each for each in HEADINGS if not any(re.fullmatch(_pattern(each), reason) for reason in reasons)]
    assert not unused


def test_the_test_above_coversevery_reason() -> None:
    tree = ast.parse(inspect.getsource(judging))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}

    def count_reasons(name: str) -> int:
        calls = [node for node in ast.walk(functions[name]) if isinstance(node, ast.Call)]
        appended = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "append"]
        return len(appended) + sum(isinstance(node, ast.Yield) for node in ast.walk(functions[name]))

    counts = (count_reasons("judge"), count_reasons("_problems"), count_reasons("_other_model"))
    assert counts == (5, 2, 1), "add a section and a case in every_reason for the new reason"


@pytest.fixture
def users(private_redis: StartRedis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The address of a server with the users of the runbook."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    server = private_redis("--appendonly", "yes")
    with connect(server.url) as client:
        for line in re.findall(r"^ACL SETUSER .+$", PAGE, flags=re.MULTILINE):
            client.execute_command(*line.split())
    return server.url.removeprefix("redis://")


def test_the_users_of_the_runbook_have_the_rights_they_need(monkeypatch: pytest.MonkeyPatch, users: str) -> None:
    monkeypatch.setenv("TASADOR_REDIS_URL", f"redis://processes:secret@{users}")
    assert runner_of(check).run("--no-registry").exit_code == 0
    monkeypatch.setenv("TASADOR_REDIS_URL", f"redis://clients:secret@{users}")
    assert runner_of(publish).json("--sample", "20")["published"] == 20
    with connect(f"redis://clients:secret@{users}") as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.xrange("housing:predictions")


async def test_a_consumer_runs_with_the_rights_of_its_user(users: str) -> None:
    streams = Streams("housing")
    with connect(f"redis://processes:secret@{users}") as client:
        async with running(f"redis://processes:secret@{users}", settings_for("housing")):
            ids = publish_numbered(client, streams, 30)
            await wait_until_async(lambda: verify(client, streams, ids).is_kept)


async def test_a_restored_backup_continues_without_loss(private_redis: StartRedis, tmp_path: Path) -> None:
    home, streams = tmp_path / "home", Streams("housing")
    model = train_small_model(home, trees=2)
    settings = settings_for("housing", home=home)
    backup = tmp_path / "backup"
    backup.mkdir()
    server = private_redis("--appendonly", "yes")
    with connect(server.url) as client:
        activate(client, streams, model)
        async with running(server.url, settings, is_following=True):
            publish_numbered(client, streams, 50)
            await wait_until_async(lambda: count(client, streams, "answered") == 50)
        publish_numbered(client, streams, 20, first=50)
        _back_up(client, server.folder, home, backup)
    server.stop()
    shutil.rmtree(home)

    restored = tmp_path / "redis-1"
    restored.mkdir()
    shutil.copy(backup / "dump.rdb", restored)
    shutil.copytree(backup / "artifacts", home / "artifacts")
    shutil.copy(backup / "mlflow.db", home)
    server = private_redis("--dbfilename", "dump.rdb", "--appendonly", "no")
    with connect(server.url) as client:
        client.config_set("appendonly", "yes")
        wait_until(lambda: _is_log_whole(client), message="the append-only file is whole")
        async with running(server.url, settings, is_following=True):
            publish_numbered(client, streams, 10, first=70)
            await wait_until_async(lambda: count(client, streams, "answered") == 80)
        assert verify(client, streams, published(client, streams)).is_kept
        assert client.xlen(streams.predictions) == 80
        assert client.xinfo_groups(streams.listings)[0]["name"] == SCORERS.encode()
    assert _champion(model, home) == "1"


def _is_log_whole(client: Client) -> bool:
    """Whether the first append-only file is written; until then a server ignores SHUTDOWN."""
    info = client.info("persistence")
    return bool(info["aof_enabled"]) and not info["aof_rewrite_in_progress"] and not info["aof_rewrite_scheduled"]


def _back_up(client: Client, redis_folder: Path, home: Path, backup: Path) -> None:
    """Back up as the runbook says."""
    before = client.lastsave()
    client.bgsave()
    wait_until(lambda: not client.info("persistence")["rdb_bgsave_in_progress"], message="the dump is whole")
    assert client.lastsave() >= before
    shutil.copy(redis_folder / "dump.rdb", backup)
    source, target = sqlite3.connect(home / "mlflow.db"), sqlite3.connect(backup / "mlflow.db")
    source.backup(target)
    source.close()
    target.close()
    shutil.copytree(home / "artifacts", backup / "artifacts")


def _champion(model: SmallModel, home: Path) -> str:
    assert load_settings(home=home).home == model.settings.home
    return model.registry.resolve().version
