"""All at once, from a seed: what one fault leaves behind is where the next one strikes."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from schemas.streams import SCORERS
from tests.conftest import PrivateRedis
from tests.consumer.harness import Client
from tests.faults.conftest import Proxy, StartRound
from tests.faults.domain_run import DomainRun, activate
from tests.faults.harness import Round
from tests.faults.proxy import READ, FaultyProxy
from tests.redis_server import RedisServer
from transport.connection import connect

pytestmark = pytest.mark.faults
Record = Callable[[dict[str, Any]], None]
NAMES = "abc"
STRIKES = 60


class Mischief:
    """What can be done to a round, each by a method of the name that is counted."""

    def __init__(self, round_: Round, server: RedisServer, proxies: dict[str, FaultyProxy]) -> None:
        self.round = round_
        self.server = server
        self.proxies = proxies
        self.version = 2

    def strike(self) -> None:
        """Do one thing, to a consumer of either lane."""
        often = (self.kill, self.stop_for_a_while, self.cut, self.lose_commit_reply, self.lose_read_reply, self.delay)
        seldom = (self.swap, self.kill_clients, self.destroy, self.kill_redis)
        what = self.round.random.choice([*often, *often, *seldom])
        name = self.round.random.choice(NAMES)
        with connect(self.server.url) as client:
            what(name, client)
        self.round.saw(**{what.__name__: 1})

    def _each(self, act: Callable[[DomainRun], object]) -> None:
        for lane in self.round.lanes:
            act(lane)

    def kill(self, name: str, _: Client) -> None:
        for lane in self.round.lanes:
            lane.kill(name)
            lane.start(name, self.proxies[name].url)

    def stop_for_a_while(self, name: str, _: Client) -> None:
        self._each(lambda lane: lane.signal(name, signal.SIGSTOP))
        time.sleep(self.round.random.uniform(0.2, 0.8))
        self._each(lambda lane: lane.signal(name, signal.SIGCONT))

    def cut(self, name: str, _: Client) -> None:
        self.proxies[name].cut(is_abrupt=self.round.random.random() < 0.5)

    def lose_commit_reply(self, name: str, _: Client) -> None:
        self.proxies[name].lose_reply_to(*self.round.random.choice(self.round.lanes).commit)

    def lose_read_reply(self, name: str, _: Client) -> None:
        self.proxies[name].lose_reply_to(READ)

    def delay(self, name: str, _: Client) -> None:
        self.proxies[name].delay_s = self.round.random.choice([0.0, 0.005, 0.05])

    def swap(self, _: str, client: Client) -> None:
        self.version = max(1, self.version + self.round.random.choice([-1, 1]))
        self._each(lambda lane: activate(client, lane.streams, self.version))

    def kill_clients(self, _: str, client: Client) -> None:
        client.client_kill_filter(_type="normal", skipme=True)

    def destroy(self, _: str, client: Client) -> None:
        self._each(lambda lane: client.xgroup_destroy(lane.streams.listings, SCORERS))

    def kill_redis(self, _: str, __: Client) -> None:
        self.server.kill()
        self.server.start()


def test_everything_at_once(private_redis: PrivateRedis, start_round: StartRound, proxy: Proxy, record: Record) -> None:
    server = private_redis("--appendonly", "yes", "--appendfsync", "always")
    round_ = start_round(server.url, rate=500)
    proxies = {name: proxy(server.url) for name in NAMES}
    for lane in round_.lanes:
        lane.score_ms = 3
    for name, between in proxies.items():
        round_.start(name, through=between.url)
    mischief = Mischief(round_, server, proxies)
    for _ in range(STRIKES):
        mischief.strike()
        time.sleep(round_.random.uniform(0.0, 0.3))
    for between in proxies.values():
        between.delay_s = 0
    # a group destroyed while Redis was away is found by the next read
    for lane in round_.lanes:
        with round_.client() as client:
            round_.saw(answered_under_strikes=lane.answered(client))
    figures = round_.finish()
    assert figures["claimed"] > 0
    assert figures["fenced"] > 0
    record(figures)
