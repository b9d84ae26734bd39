"""A Redis that is restarted and killed, that cannot write, and that forbids its user to write."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import redis.exceptions

from operations.verification.checker import Checker
from operations.verify import published
from tests.conftest import StartRedis
from tests.consumer.harness import HOUSING
from tests.faults.conftest import Record, StartRound
from tests.faults.harness import wait_for
from tests.redis_server import RedisServer

pytestmark = pytest.mark.faults

ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")
EVERYSEC = ("--appendonly", "yes", "--appendfsync", "everysec")


@pytest.mark.parametrize("options", [ALWAYS, EVERYSEC], ids=["always", "everysec"])
def test_redis_restarted_and_killed(
    private_redis: StartRedis, start_round: StartRound, record: Record, options: tuple[str, ...]
) -> None:
    """The process dies, not the machine: the kernel keeps what it had written, with `everysec` too."""
    server = private_redis(*options)
    round_ = start_round(server.url)
    for run in round_.runs:
        run.score_ms = 5  # so that the end of the process finds something in hand
    round_.start("a", "b")
    for life in range(4):
        time.sleep(round_.random.uniform(0.3, 0.8))
        if life % 2:
            server.kill()
            round_.count(redis_killed=1)
        else:
            server.stop()
            round_.count(redis_stopped=1)
        time.sleep(round_.random.uniform(0.0, 0.5))
        server.start()
        round_.wait_for_answers()
    figures = round_.finish()
    figures["publishes_unknown"] = sum(run.load.unknown for run in round_.runs)
    assert figures["publishes_unknown"] > 0
    assert figures["retried"] + figures["claimed"] > 0
    record(figures)


def test_tail_of_the_log_cut_inside_a_commit(
    private_redis: StartRedis, start_round: StartRound, record: Record
) -> None:
    """A crash of the machine with `everysec`. A commit that is half in the log is undone whole."""
    server = private_redis(*EVERYSEC, "--aof-load-truncated", "yes", "--auto-aof-rewrite-percentage", "0")
    round_ = start_round(server.url)
    round_.start("a", "b")
    round_.wait_for_answers(500)
    server.kill()
    for run in round_.runs:
        run.load.stop()
    lost = cut_inside_a_commit(log_of(server))
    server.start()
    with round_.client() as client:
        ids = {run.streams: set(published(client, run.streams)) for run in round_.runs}
        for run in round_.runs:
            round_.count(receipts_undone=len(set(run.load.receipts) - ids[run.streams]))
            run.load.receipts = sorted(ids[run.streams])
            before = Checker(client, run.streams, HOUSING, 60_000).check(ids[run.streams], is_everything=True)
            # nothing is half written: an entry with an outcome has its row and its counts, and the rest is pending
            assert before.is_sound, before.problems[:20]
            round_.count(waiting_after=before.verdict.waiting)
    round_.count(log_bytes_cut=lost)
    figures = round_.finish()
    assert figures["log_bytes_cut"] > 0
    assert figures["receipts_undone"] + figures["waiting_after"] > 0
    record(figures)


def log_of(server: RedisServer) -> Path:
    """The append-only file that was written last; Redis 7 keeps a folder of them."""
    files = [*server.folder.glob("appendonly.aof"), *server.folder.glob("appendonlydir/*.incr.aof")]
    return max((file for file in files if file.is_file()), key=lambda file: file.stat().st_mtime)


def cut_inside_a_commit(log: Path) -> int:
    """Cut the log in the middle of a transaction that acknowledges; returns how many bytes were cut."""
    content = log.read_bytes()
    xack = len(content)
    for _ in range(40):  # a machine loses more than its last commit
        xack = content.rindex(b"\r\nXACK\r\n", 0, xack)
    xadd = content.index(b"\r\nXADD\r\n", xack)
    begin, end = content.rindex(b"\r\nMULTI\r\n", 0, xack), content.index(b"\r\nEXEC\r\n", xack)
    assert begin < xack < xadd < end
    with log.open("r+b") as file:
        file.truncate(xadd + 12)
    return len(content) - xadd - 12


def test_read_only_for_a_while(private_redis: StartRedis, start_round: StartRound, record: Record) -> None:
    """A former master that becomes a replica under its clients."""
    server = private_redis("--replica-read-only", "yes")
    master = private_redis()
    round_ = start_round(server.url)
    round_.start("a", "b")
    with round_.client() as client:
        for _ in range(3):
            # no server answers at that address: this one becomes read-only and keeps its data
            client.replicaof("127.0.0.1", "1")
            refused = sum(run.load.refused for run in round_.runs)
            wait_for(lambda refused=refused: sum(run.load.refused for run in round_.runs) > refused, "refused")  # type: ignore[misc]
            before = [run.answered(client) for run in round_.runs]
            time.sleep(1)
            assert before == [run.answered(client) for run in round_.runs]
            client.replicaof("NO", "ONE")
            round_.count(read_only=1)
            round_.wait_for_answers()
    master.stop()
    figures = round_.finish()
    figures["publishes_refused"] = sum(run.load.refused for run in round_.runs)
    assert figures["publishes_refused"] > 0
    record(figures)


def test_at_the_limit_of_its_memory(private_redis: StartRedis, start_round: StartRound, record: Record) -> None:
    """Listings are refused, and those accepted before keep their outcomes; nothing is evicted."""
    server = private_redis("--maxmemory-policy", "noeviction")
    round_ = start_round(server.url)
    round_.start("a", "b")
    with round_.client() as client:
        for _ in range(3):
            for run in round_.runs:
                run.kill("a")  # its entries are claimed while Redis writes nothing
            client.config_set("maxmemory", 1)
            refused = sum(run.load.refused for run in round_.runs)
            wait_for(lambda refused=refused: sum(run.load.refused for run in round_.runs) > refused, "refused")  # type: ignore[misc]
            with pytest.raises(redis.exceptions.OutOfMemoryError):
                client.set("no", "room")
            for run in round_.runs:
                run.start("a")
            time.sleep(1)
            client.config_set("maxmemory", 0)
            round_.count(out_of_memory=1)
            round_.wait_for_answers()
    figures = round_.finish()
    figures["publishes_refused"] = sum(run.load.refused for run in round_.runs)
    assert figures["publishes_refused"] > 0
    record(figures)


def test_right_to_write_predictions_revoked(private_redis: StartRedis, start_round: StartRound, record: Record) -> None:
    """An entry that the script acknowledges and cannot write is pending again, until it can be written."""
    server = private_redis()
    round_ = start_round(server.url)
    with round_.client() as client:
        client.execute_command("ACL", "SETUSER", "scorer", "on", ">secret", "~*", "&*", "+@all")
        user = server.url.replace("redis://", "redis://scorer:secret@")
        round_.start("a", "b", through=user)
        for _ in range(3):
            client.execute_command("ACL", "SETUSER", "scorer", "-xadd")
            restored = [run.counters()["restored"] for run in round_.runs]
            for run, before in zip(round_.runs, restored, strict=True):
                wait_for(lambda run=run, before=before: run.counters()["restored"] > before, "restored")  # type: ignore[misc]
            before_answers = [run.answered(client) for run in round_.runs]
            time.sleep(0.5)
            assert before_answers == [run.answered(client) for run in round_.runs]
            client.execute_command("ACL", "SETUSER", "scorer", "+xadd")
            round_.count(forbidden=1)
            round_.wait_for_answers()
    figures = round_.finish()
    assert figures["restored"] > 0
    record(figures)
