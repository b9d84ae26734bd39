"""A domain of several shards on a cluster, each on another master: what stops one shard stops no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from consumer.shard_follower import owner_of
from schemas.settings import load_settings
from schemas.streams import SCORERS, Streams
from tests.consumer.harness import Client
from tests.faults.conftest import Record, StartRound
from tests.faults.domain_run import DomainRun
from tests.faults.harness import Round, wait_for
from tests.faults.load import Load
from tests.faults.takeover import READ_ON_MS, pause_ms
from tests.redis_cluster import SLOTS, RedisCluster
from tests.subject_load import SubjectLoad
from tests.waiting import wait_until
from transport.entries import EntryId
from transport.reading import scan
from transport.slots import slot_of_key

pytestmark = pytest.mark.cluster
SHARDS = 3
AWAY_S = 60
LATE_MS, LATE_SHARE = 300, 0.005
"""A second in which one of two consumers stands still makes more listings late."""


def spread_prefix() -> str:
    """A prefix of a round whose shards lie on different masters, those of one number of both domains on the same."""
    while True:
        prefix = f"fault-{uuid.uuid4().hex[:8]}"
        places = {
            word: [
                slot_of_key(Streams(f"{{{prefix}-{word}}}").of_shard(number).listings) * SHARDS // SLOTS
                for number in range(SHARDS)
            ]
            for word in ("off", "on")
        }
        if places["off"] == places["on"] and len(set(places["on"])) == SHARDS:
            return prefix


def this_ms() -> int:
    """The time by the clock that all nodes have here, in ms."""
    return round(1000 * time.time())


def answered_in(client: Client, shard: Streams) -> int:
    return int(client.hget(shard.progress, "answered") or 0)


def wait_for_shard(client: Client, shard: Streams, more: int = 50) -> None:
    """Wait until a shard has answered this many more entries."""
    goal = answered_in(client, shard) + more
    wait_for(lambda: answered_in(client, shard) >= goal, f"{shard.listings} is answered")


def latencies_ms(client: Client, shard: Streams, first_ms: int, last_ms: int) -> list[int]:
    """How long each listing of a time took to be predicted."""
    answered = [(EntryId.parse(key), fields[b"data"]) for key, fields in scan(client, shard.predictions)]
    pairs = [(key.ms, EntryId.parse(data.split(b'"id":"')[1].split(b'"')[0]).ms) for key, data in answered]
    return [late - early for late, early in pairs if first_ms <= early <= last_ms]


@pytest.mark.parametrize("number", [0, 1])
def test_master_of_one_shard_killed(
    cluster: RedisCluster, start_round: StartRound, record: Record, number: int
) -> None:
    """The others are answered while a replica takes its place, even if it has the keys of the domain, too."""
    round_ = start_round(cluster.url, prefix=spread_prefix(), shards=SHARDS)
    round_.start("a", "b")
    run = round_.runs[0]
    key = run.shards[number].listings
    former = cluster.owner(key)
    others = [shard for shard in run.shards if shard.shard != number]
    with round_.client() as client:
        before = [answered_in(client, shard) for shard in others]
        former.kill()
        meanwhile: list[int] = []
        while cluster.owner(key) is former:
            meanwhile = [answered_in(client, shard) for shard in others]
        former.start()
        assert all(late > early for early, late in zip(before, meanwhile, strict=True)), "other shards are answered"
        wait_for_shard(client, run.shards[number])
    answered = sum(late - early for early, late in zip(before, meanwhile, strict=True))
    record({**round_.finish(is_undone=True), "masters_killed": 1, "answered_in_other_shards": answered})


def test_masters_and_consumers_of_shards_killed(cluster: RedisCluster, start_round: StartRound, record: Record) -> None:
    """Each master once, and a consumer with something in hand at the same moment."""
    round_ = start_round(cluster.url, prefix=spread_prefix(), shards=SHARDS, rate=500)
    for run in round_.runs:
        run.score_ms = 5
    round_.start("a", "b")
    for number, name in enumerate("aba"):
        key = round_.runs[0].shards[number].listings
        former = cluster.owner(key)
        for run in round_.runs:
            with round_.client() as client:
                held = wait_until(partial(run.pending, client, name), message=f"{name} has something in hand")
            run.kill(name)
            round_.count(kills=1, held_by_killed=held)
        former.kill()
        round_.count(masters_killed=1)
        cluster.wait_for_other_owner(key, former)
        for run in round_.runs:
            run.start(name)
        for run in round_.runs:
            run.wait_until_up()
        former.start()
        wait_for(cluster.is_replicated, "every node serves")
        with round_.client() as client:
            for run in round_.runs:
                for shard in run.shards:
                    wait_for_shard(client, shard)
    record(round_.finish(is_undone=True))


def test_shards_of_a_killed_consumer_are_read_on_by_the_other(
    cluster: RedisCluster, start_round: StartRound, record: Record
) -> None:
    """From the first listing after the kill until a prediction of one that came then, where it was the own consumer."""
    round_ = start_round(cluster.url, prefix=spread_prefix(), shards=SHARDS, rate=500)
    round_.start("a", "b")
    pauses: list[int] = []
    for _ in range(3):
        for run in round_.runs:
            name = owner_of(round_.random.randrange(SHARDS), "ab")
            own = [shard for shard in run.shards if owner_of(shard.shard, "ab") == name]
            with round_.client() as client:
                run.kill(name)
                round_.count(kills=1)
                at = this_ms()
                for shard in own:
                    wait_for_shard(client, shard)
                pauses += [pause_ms(client, shard, at) for shard in own]
            run.start(name)
            run.wait_until_up()
    assert max(pauses) < READ_ON_MS, pauses
    record({**round_.finish(), "longest_pause_ms": max(pauses)})


def test_slot_of_one_shard_moved_under_load(cluster: RedisCluster, start_round: StartRound, record: Record) -> None:
    """The other shards are answered while the slot is between two nodes."""
    round_ = start_round(cluster.url, prefix=spread_prefix(), shards=SHARDS, rate=500)
    round_.start("a", "b")
    run = round_.runs[0]
    moved, *others = run.shards[1], run.shards[0], run.shards[2]
    slot, keys = slot_of_key(moved.listings), 0
    with round_.client() as client:
        for _ in range(2):
            source = cluster.owner(moved.listings)
            target = next(node for node in cluster.masters() if node is not source)
            retried = run.counters()["retried"]
            assert cluster.open_move(slot, target) is source
            wait_for(lambda goal=retried + 1: run.counters()["retried"] >= goal, "a commit meets the open move")  # type: ignore[misc]
            for shard in others:
                wait_for_shard(client, shard)
            keys += cluster.move_keys(slot, source, target)
            cluster.close_move(slot, source, target)
            wait_for_shard(client, moved)
    record({**round_.finish(), "slots_moved": 2, "keys_moved": keys})


def test_number_of_shards_changed_on_a_cluster(
    cluster: RedisCluster, start_round: StartRound, tmp_path: Path, record: Record
) -> None:
    """By the command, while a publisher of the product sends subjects and repeats, and a consumer is killed."""
    round_ = start_round(cluster.url, prefix=spread_prefix(), shards=2)
    run = round_.runs[1]
    run.start("a")
    run.start("b")
    run.wait_until_up()
    with round_.client() as client:
        with SubjectLoad(load_settings(redis_url=SecretStr(cluster.url), prefix=run.streams.prefix)) as load:
            for count in (4, 3):
                begin = len(load.entries)
                wait_until(lambda b=begin: len(load.entries) > b + 600, message="listings are published")  # type: ignore[misc]
                changing = start_change(cluster, run, count, tmp_path)
                run.kill("a")
                run.start("a")
                round_.count(kills=1)
                output, errors = changing.communicate(timeout=120)
                assert changing.returncode == 0, errors
                done = json.loads(output)
                assert done["after"]["count"] == count
                round_.count(changes=1, identities_moved=done["identities"])
            last = len(load.entries)
            wait_until(lambda: len(load.entries) > last + 600, message="listings are published")
        run.reshard(4)
        run.load.receipts = load.entries
        record(round_.finish_runs([run]))
        load.check(client, run.shards)


def start_change(cluster: RedisCluster, run: DomainRun, count: int, folder: Path) -> subprocess.Popen[str]:
    """`tasador shards set`, as an operator calls it."""
    variables = {"TASADOR_REDIS_URL": cluster.url, "TASADOR_PREFIX": run.streams.prefix}
    command = [sys.executable, "-m", "tasador", "shards", "set", str(count), "--wait", "--json"]
    environment = {**os.environ, **variables}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, stdout=pipe, stderr=pipe)


def test_keys_of_shards_deleted(cluster: RedisCluster, start_round: StartRound, record: Record) -> None:
    """Groups, counts and marks, and the number of shards, in one shard after the other."""
    round_ = start_round(cluster.url, prefix=spread_prefix(), shards=SHARDS, rate=500)
    for run in round_.runs:
        run.score_ms = 2
    round_.start("a", "b")
    with round_.client() as client:
        for number in range(2 * SHARDS):
            for run in round_.runs:
                shard = run.shards[number % SHARDS]
                held = run.pending(client)
                round_.count(destroyed=int(client.xgroup_destroy(shard.listings, SCORERS)), held_by_group=held)
                round_.count(keys_deleted=int(client.delete(run.streams.shards)))
                wait_for_shard(client, shard)
                wait_for(partial(client.exists, run.streams.shards), "a consumer writes the number of shards again")
    figures = round_.finish()
    assert figures["destroyed"] == figures["keys_deleted"] == 2 * 2 * SHARDS
    assert figures["fenced"] > 0
    record(figures)


def test_shard_without_a_node_for_a_minute(cluster: RedisCluster, start_round: StartRound, record: Record) -> None:
    """Master and replica of one shard are silent; the others are answered as if nothing had happened."""
    round_ = start_round(cluster.url, prefix=spread_prefix(), shards=SHARDS, rate=200)
    round_.start("a", "b")
    key = round_.runs[0].shards[1].listings
    master = cluster.owner(key)
    replica = cluster.replica_of(master)
    others = [shard for run in round_.runs for shard in run.shards if shard.shard != 1]
    loads = [Load(cluster.url, [shard], 100, number) for run in round_.runs for number, shard in enumerate(run.shards)]
    for run in round_.runs:
        run.load.pause()
    with round_.client() as client:
        away = [shard for run in round_.runs for shard in run.shards if shard.shard == 1]
        begin_ms = this_ms()
        for load in loads:
            load.start()
        for shard in (*others, *away):
            wait_for_shard(client, shard)
        for node in (master, replica):
            os.kill(node.pid, signal.SIGSTOP)
        stopped_ms = this_ms()
        time.sleep(AWAY_S)
        back_ms = this_ms()
        for node in (master, replica):
            os.kill(node.pid, signal.SIGCONT)
        for shard in away:
            wait_for(partial(answered_in, client, shard), "its server answers")
            wait_for_shard(client, shard, 1)
        search_ms = this_ms() - back_ms
        finish_loads(round_, loads)
        usual = [ms for shard in others for ms in latencies_ms(client, shard, begin_ms, stopped_ms)]
        meanwhile = [ms for shard in others for ms in latencies_ms(client, shard, stopped_ms, back_ms)]
        silent = [ms for shard in away for ms in latencies_ms(client, shard, stopped_ms + 1000, back_ms - 1000)]
    assert len(meanwhile) > 100 * AWAY_S * len(others) / 2, "the others get listings all the time"
    late = sum(ms > LATE_MS for ms in meanwhile)
    assert late < LATE_SHARE * len(meanwhile), "no other shard stands still"
    assert not silent, "the shard is silent"
    figures = round_.finish()
    figures.update(away_s=AWAY_S, search_ms=search_ms, answered_in_other_shards=len(meanwhile))
    record({**figures, "longest_ms_before": max(usual), "longest_ms_others": max(meanwhile)})


def finish_loads(round_: Round, loads: list[Load]) -> None:
    """Stop loads of single shards, and let the round check their receipts, too."""
    for load in loads:
        load.stop()
    for number, run in enumerate(round_.runs):
        for load in loads[number * SHARDS : (number + 1) * SHARDS]:
            run.load.receipts += load.receipts
            run.load.unknown += load.unknown
