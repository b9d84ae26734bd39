"""A Redis that is restarted and killed, that cannot write, and that will not let its user write."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis.exceptions

from operations.verification.report import Checker
from operations.verify import published
from tests.conftest import PrivateRedis
from tests.consumer.harness import HOUSING
from tests.faults.conftest import StartRound
from tests.faults.harness import wait_for
from tests.redis_server import RedisServer

pytestmark = pytest.mark.faults
Record = Callable[[dict[str, Any]], None]

ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")
EVERYSEC = ("--appendonly", "yes", "--appendfsync", "everysec")


@pytest.mark.parametrize("options", [ALWAYS, EVERYSEC], ids=["always", "everysec"])
def test_redis_restarted_and_killed(
    private_redis: PrivateRedis, start_round: StartRound, record: Record, options: tuple[str, ...]
) -> None:
    """The process dies, not the machine: what it had written lies with the kernel, under `everysec` too."""
    server = private_redis(*options)
    round_ = start_round(server.url)
    round_.start("a", "b")
    for life in range(4):
        time.sleep(round_.random.uniform(0.3, 0.8))
        if life % 2:
            server.kill()
            round_.saw(redis_killed=1)
        else:
            server.stop()
            round_.saw(redis_stopped=1)
        time.sleep(round_.random.uniform(0.0, 0.5))
        server.start()
        round_.wait_for_answers()
    figures = round_.finish()
    figures["publishes_unknown"] = sum(lane.load.unknown for lane in round_.lanes)
    assert figures["publishes_unknown"] > 0
    assert figures["retried"] + figures["claimed"] > 0
    record(figures)


def test_tail_of_the_log_cut_inside_a_commit(
    private_redis: PrivateRedis, start_round: StartRound, record: Record
) -> None:
    """As a machine that crashes under `everysec`. A commit that is half in the log is not in it at all."""
    server = private_redis(*EVERYSEC, "--aof-load-truncated", "yes", "--auto-aof-rewrite-percentage", "0")
    round_ = start_round(server.url)
    round_.start("a", "b")
    round_.wait_for_answers(500)
    server.kill()
    for lane in round_.lanes:
        lane.load.stop()
    lost = cut_inside_a_commit(log_of(server))
    server.start()
    with round_.client() as client:
        ids = {lane.streams: set(published(client, lane.streams)) for lane in round_.lanes}
        for lane in round_.lanes:
            round_.saw(receipts_undone=len(set(lane.load.receipts) - ids[lane.streams]))
            lane.load.receipts = sorted(ids[lane.streams])
            before = Checker(client, lane.streams, HOUSING, 60_000).check(ids[lane.streams], is_everything=True)
            # nothing half written: whatever has an outcome has its row and its counts, and the rest waits
            assert before.is_sound, before.problems[:20]
            round_.saw(waiting_after=before.verdict.waiting)
    round_.saw(log_bytes_cut=lost)
    figures = round_.finish()
    assert figures["log_bytes_cut"] > 0
    assert figures["receipts_undone"] + figures["waiting_after"] > 0
    record(figures)


def log_of(server: RedisServer) -> Path:
    """The append-only file that was written last; Redis 7 has a folder of them."""
    files = [*server.folder.glob("appendonly.aof"), *server.folder.glob("appendonlydir/*.incr.aof")]
    return max((file for file in files if file.is_file()), key=lambda file: file.stat().st_mtime)


def cut_inside_a_commit(log: Path) -> int:
    """Cut the log in the middle of the last transaction that acknowledges; how many bytes are gone."""
    content = log.read_bytes()
    xack = len(content)
    for _ in range(40):  # what a machine loses is more than the last commit
        xack = content.rindex(b"\r\nXACK\r\n", 0, xack)
    xadd = content.index(b"\r\nXADD\r\n", xack)
    begin, end = content.rindex(b"\r\nMULTI\r\n", 0, xack), content.index(b"\r\nEXEC\r\n", xack)
    assert begin < xack < xadd < end
    with log.open("r+b") as file:
        file.truncate(xadd + 12)
    return len(content) - xadd - 12


def test_read_only_for_a_while(private_redis: PrivateRedis, start_round: StartRound, record: Record) -> None:
    """A replica that was told too late that it is one."""
    server = private_redis("--replica-read-only", "yes")
    master = private_redis()
    round_ = start_round(server.url)
    round_.start("a", "b")
    with round_.client() as client:
        for _ in range(3):
            # an address where nobody answers: it turns read-only, and keeps its data since it never gets other
            client.replicaof("127.0.0.1", "1")
            refused = sum(lane.load.refused for lane in round_.lanes)
            wait_for(lambda refused=refused: sum(lane.load.refused for lane in round_.lanes) > refused, "refused")  # type: ignore[misc]
            before = [lane.answered(client) for lane in round_.lanes]
            time.sleep(1)
            assert before == [lane.answered(client) for lane in round_.lanes]
            client.replicaof("NO", "ONE")
            round_.saw(read_only=1)
            round_.wait_for_answers()
    master.stop()
    figures = round_.finish()
    figures["publishes_refused"] = sum(lane.load.refused for lane in round_.lanes)
    assert figures["publishes_refused"] > 0
    record(figures)


def test_at_the_limit_of_its_memory(private_redis: PrivateRedis, start_round: StartRound, record: Record) -> None:
    """Listings are refused, and what was accepted before keeps its outcome; nothing is evicted."""
    server = private_redis("--maxmemory-policy", "noeviction")
    round_ = start_round(server.url)
    round_.start("a", "b")
    with round_.client() as client:
        for _ in range(3):
            for lane in round_.lanes:
                lane.kill("a")  # its left-overs are claimed while nothing may be written
            client.config_set("maxmemory", 1)
            refused = sum(lane.load.refused for lane in round_.lanes)
            wait_for(lambda refused=refused: sum(lane.load.refused for lane in round_.lanes) > refused, "refused")  # type: ignore[misc]
            with pytest.raises(redis.exceptions.OutOfMemoryError):
                client.set("no", "room")
            for lane in round_.lanes:
                lane.start("a")
            time.sleep(1)
            client.config_set("maxmemory", 0)
            round_.saw(out_of_memory=1)
            round_.wait_for_answers()
    figures = round_.finish()
    figures["publishes_refused"] = sum(lane.load.refused for lane in round_.lanes)
    assert figures["publishes_refused"] > 0
    record(figures)


def test_right_to_write_answers_taken_away(
    private_redis: PrivateRedis, start_round: StartRound, record: Record
) -> None:
    """What is acknowledged in the script and cannot be written is pending again, until it can."""
    server = private_redis()
    round_ = start_round(server.url)
    with round_.client() as client:
        client.execute_command("ACL", "SETUSER", "scorer", "on", ">secret", "~*", "&*", "+@all")
        user = server.url.replace("redis://", "redis://scorer:secret@")
        round_.start("a", "b", through=user)
        for _ in range(3):
            client.execute_command("ACL", "SETUSER", "scorer", "-xadd")
            told = [lane.tally()["restored"] for lane in round_.lanes]
            for lane, before in zip(round_.lanes, told, strict=True):
                wait_for(lambda lane=lane, before=before: lane.tally()["restored"] > before, "restored")  # type: ignore[misc]
            before_answers = [lane.answered(client) for lane in round_.lanes]
            time.sleep(0.5)
            assert before_answers == [lane.answered(client) for lane in round_.lanes]
            client.execute_command("ACL", "SETUSER", "scorer", "+xadd")
            round_.saw(forbidden=1)
            round_.wait_for_answers()
    figures = round_.finish()
    assert figures["restored"] > 0
    record(figures)
