"""The network is cut between servers, and between servers and their clients, under load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from redis.exceptions import RedisError

from tests.faults.conftest import Record, StartRound
from tests.faults.domain_run import DomainRun
from tests.faults.harness import Round, wait_for
from tests.faults.takeover import seconds_until_answers
from tests.network import Network
from tests.redis_cluster import RedisCluster, ask, id_of
from tests.redis_server import RedisServer
from tests.watched_redis import WatchedRedis, role_of
from transport.connection import connect

pytestmark = pytest.mark.cluster
SILENT_S = 3.0
"""Longer than the time after which a silent server is replaced."""
LONGEST_SEARCH_S = 3.0
"""After the takeover, in which the processes find the new master."""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture(scope="module")
def whole_cluster(tmp_path_factory: pytest.TempPathFactory, network: Network) -> Iterator[RedisCluster]:
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"), 3, replicas=1, network=network)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(whole_cluster: RedisCluster, network: Network) -> Iterator[RedisCluster]:
    """The cluster, complete again after the test before."""
    wait_for(whole_cluster.is_replicated, "every node serves")
    yield whole_cluster
    network.heal()


@pytest.fixture
def watched(tmp_path_factory: pytest.TempPathFactory, network: Network) -> Iterator[WatchedRedis]:
    watched = WatchedRedis(tmp_path_factory.mktemp("sentinel"), network=network)
    watched.start()
    yield watched
    network.heal()
    watched.stop()


def last_of(master: RedisServer, run: DomainRun) -> str:
    """The last listing that a server has taken."""
    with connect(master.url) as client:
        return str(client.xinfo_stream(run.streams.listings)["last-generated-id"].decode())


def confirmed_until(master: RedisServer, run: DomainRun, has_stepped_down: Callable[[], object]) -> tuple[int, float]:
    """Listings that an isolated master confirms before it refuses, and the seconds until then."""
    last, begin = last_of(master, run), time.monotonic()
    confirmed = 0

    def has_ended() -> object:
        nonlocal confirmed
        # a node of a cluster that has stepped down answers no more questions, so it is asked again and again
        with connect(master.url) as client, suppress(RedisError):
            confirmed = len(client.xrange(run.streams.listings, f"({last}"))
        return has_stepped_down()

    wait_for(has_ended, "the isolated master refuses to write")
    return confirmed, time.monotonic() - begin


def cut_off_in_silence(network: Network, master: RedisServer, run: DomainRun) -> None:
    """Cut a master off from its clients for `SILENT_S` seconds, in which nothing reaches it."""
    network.cut_clients(master.port)
    time.sleep(0.2)  # what was under way
    before = last_of(master, run)
    time.sleep(SILENT_S)
    assert last_of(master, run) == before, "nobody reaches it"


def see_takeover(cluster: RedisCluster, network: Network, round_: Round, former: RedisServer) -> tuple[float, float]:
    """See a takeover from an isolated master to its end: when it was, and how many seconds the search took then."""
    run = round_.runs[0]
    master = cluster.wait_for_other_owner(run.streams.listings, former)
    taken_over = time.monotonic()
    search_s = seconds_until_answers(run, master, taken_over)
    assert search_s < LONGEST_SEARCH_S
    network.heal()
    wait_for(lambda: ask(former, "ROLE")[0] == b"slave", "the isolated master comes back as a replica")
    round_.wait_for_answers()
    return taken_over, search_s


def finish(round_: Round, record: Record, *, is_undone: bool, **facts: int) -> None:
    record({**round_.finish(is_undone=is_undone), **facts})


def test_master_of_the_slot_cut_off_from_its_clients(
    cluster: RedisCluster, network: Network, start_round: StartRound, record: Record
) -> None:
    """The cluster sees no fault, so nothing takes over and nothing is lost; the domain waits."""
    round_ = start_round(cluster.url, rate=500)
    round_.start("a", "b")
    run = round_.runs[0]
    master = cluster.owner(run.streams.listings)
    cut_off_in_silence(network, master, run)
    assert cluster.owner(run.streams.listings) is master
    network.heal()
    round_.wait_for_answers()
    finish(round_, record, is_undone=False, silent_s=round(SILENT_S), held_chunks=network.held)


def test_master_of_the_slot_cut_off_from_the_other_nodes(
    cluster: RedisCluster, network: Network, start_round: StartRound, record: Record
) -> None:
    """What it confirms until it finds itself alone is lost, and counted here; the rest has one outcome."""
    round_ = start_round(cluster.url, rate=500)
    round_.start("a", "b")
    run = round_.runs[0]
    former = cluster.owner(run.streams.listings)
    begin = time.monotonic()
    network.cut_peers(former.port, id_of(former))
    confirmed, stepped_down_s = confirmed_until(former, run, lambda: not cluster.is_serving(former))
    assert confirmed > 0, "its clients reach it"
    taken_over, search_s = see_takeover(cluster, network, round_, former)
    finish(
        round_,
        record,
        is_undone=True,
        confirmed_alone=confirmed,
        stepped_down_ms=round(1000 * stepped_down_s),
        takeover_ms=round(1000 * (taken_over - begin)),
        search_ms=round(1000 * search_s),
    )


def test_master_of_the_slot_cut_off_from_everyone(
    cluster: RedisCluster, network: Network, start_round: StartRound, record: Record
) -> None:
    """A replica takes over; what the former master gets late, it no longer writes."""
    round_ = start_round(cluster.url, rate=500)
    round_.start("a", "b")
    run = round_.runs[0]
    former = cluster.owner(run.streams.listings)
    begin = time.monotonic()
    network.cut_clients(former.port)
    network.cut_peers(former.port, id_of(former))
    taken_over, search_s = see_takeover(cluster, network, round_, former)
    takeover_ms, search_ms = round(1000 * (taken_over - begin)), round(1000 * search_s)
    finish(round_, record, is_undone=True, takeover_ms=takeover_ms, search_ms=search_ms)


def test_sentinels_master_cut_off_from_its_clients(
    watched: WatchedRedis, network: Network, start_round: StartRound, record: Record
) -> None:
    """The Sentinels reach it, so it stays the master and nothing is lost."""
    round_ = start_round(watched.url, rate=500)
    round_.start("a", "b")
    run, master = round_.runs[0], watched.master
    cut_off_in_silence(network, master, run)
    assert watched.master is master
    network.heal()
    round_.wait_for_answers()
    finish(round_, record, is_undone=False, silent_s=round(SILENT_S))


def test_sentinels_master_cut_off_from_sentinels_and_replicas(
    watched: WatchedRedis, network: Network, start_round: StartRound, record: Record
) -> None:
    """It refuses to write as soon as its replicas are too old; what it confirmed until then is lost, and counted."""
    round_ = start_round(watched.url, rate=500)
    round_.start("a", "b")
    run, former = round_.runs[0], watched.master
    begin = time.monotonic()
    network.cut_peers(former.port)

    def has_stepped_down() -> bool:
        with connect(former.url) as client:
            return not int(client.info("replication")["min_slaves_good_slaves"])

    confirmed, stepped_down_s = confirmed_until(former, run, has_stepped_down)
    assert confirmed > 0, "its clients reach it"
    master = watched.wait_for_other_owner("", former)
    taken_over = time.monotonic()
    search_s = max(seconds_until_answers(each, master, taken_over) for each in round_.runs)
    assert search_s < LONGEST_SEARCH_S
    network.heal()
    wait_for(lambda: role_of(former) == "slave", "the Sentinels demote it")
    round_.wait_for_answers()
    finish(
        round_,
        record,
        is_undone=True,
        confirmed_alone=confirmed,
        stepped_down_ms=round(1000 * stepped_down_s),
        takeover_ms=round(1000 * (taken_over - begin)),
        search_ms=round(1000 * search_s),
    )
