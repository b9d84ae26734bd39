"""All faults at once, from a seed: each strikes the state that the previous ones left."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from schemas.streams import SCORERS
from tests.conftest import StartRedis
from tests.consumer.harness import Client
from tests.faults.conftest import Record, StartProxy, StartRound
from tests.faults.domain_run import DomainRun, activate
from tests.faults.harness import Round
from tests.faults.proxy import READ, FaultyProxy
from tests.redis_server import RedisServer
from transport.connection import connect

pytestmark = pytest.mark.faults
NAMES = "abc"
FAULTS = 60


class FaultInjector:
    """Injects faults into a round; each fault is a method, and counted under the method's name."""

    def __init__(self, round_: Round, server: RedisServer, proxies: dict[str, FaultyProxy]) -> None:
        self.round = round_
        self.server = server
        self.proxies = proxies
        self.version = 2

    def inject(self) -> None:
        """Inject one fault, into a consumer of each run."""
        common = (self.kill, self.stop_for_a_while, self.cut, self.lose_commit_reply, self.lose_read_reply, self.delay)
        rare = (self.swap, self.kill_clients, self.destroy, self.kill_redis)
        fault = self.round.random.choice([*common, *common, *rare])
        name = self.round.random.choice(NAMES)
        with connect(self.server.url) as client:
            fault(name, client)
        self.round.count(**{fault.__name__: 1})

    def _each(self, inject: Callable[[DomainRun], object]) -> None:
        for run in self.round.runs:
            inject(run)

    def kill(self, name: str, _: Client) -> None:
        for run in self.round.runs:
            run.kill(name)
            run.start(name, self.proxies[name].url)

    def stop_for_a_while(self, name: str, _: Client) -> None:
        self._each(lambda run: run.signal(name, signal.SIGSTOP))
        time.sleep(self.round.random.uniform(0.2, 0.8))
        self._each(lambda run: run.signal(name, signal.SIGCONT))

    def cut(self, name: str, _: Client) -> None:
        self.proxies[name].cut(is_abrupt=self.round.random.random() < 0.5)

    def lose_commit_reply(self, name: str, _: Client) -> None:
        self.proxies[name].lose_reply_to(*self.round.random.choice(self.round.runs).commit)

    def lose_read_reply(self, name: str, _: Client) -> None:
        self.proxies[name].lose_reply_to(READ)

    def delay(self, name: str, _: Client) -> None:
        self.proxies[name].delay_s = self.round.random.choice([0.0, 0.005, 0.05])

    def swap(self, _: str, client: Client) -> None:
        self.version = max(1, self.version + self.round.random.choice([-1, 1]))
        self._each(lambda run: activate(client, run.streams, self.version))

    def kill_clients(self, _: str, client: Client) -> None:
        client.client_kill_filter(_type="normal", skipme=True)

    def destroy(self, _: str, client: Client) -> None:
        self._each(lambda run: client.xgroup_destroy(run.streams.listings, SCORERS))

    def kill_redis(self, _: str, __: Client) -> None:
        self.server.kill()
        self.server.start()


def test_everything_at_once(
    private_redis: StartRedis, start_round: StartRound, start_proxy: StartProxy, record: Record
) -> None:
    server = private_redis("--appendonly", "yes", "--appendfsync", "always")
    round_ = start_round(server.url, rate=500)
    proxies = {name: start_proxy(server.url) for name in NAMES}
    for run in round_.runs:
        run.score_ms = 3
    for name, proxy in proxies.items():
        round_.start(name, through=proxy.url)
    injector = FaultInjector(round_, server, proxies)
    for _ in range(FAULTS):
        injector.inject()
        time.sleep(round_.random.uniform(0.0, 0.3))
    for proxy in proxies.values():
        proxy.delay_s = 0
    # a consumer group that was destroyed while Redis was away is noticed by the next read
    for run in round_.runs:
        with round_.client() as client:
            round_.count(answered_under_faults=run.answered(client))
    figures = round_.finish()
    assert figures["claimed"] > 0
    assert figures["fenced"] > 0
    record(figures)
