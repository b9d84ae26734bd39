"""Minutes of requests while gateway, consumers and Redis are killed: ``make soak-gateway MINUTES=10``, by hand."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from schemas.streams import Streams
from tasador.machine.ports import find_free_port
from tests.conftest import StartRedis
from tests.consumer.harness import PRICE_OF_ROW, ROW, answers, outcomes, pending
from tests.redis_server import RedisServer
from tests.waiting import wait_until
from transport.connection import connect

pytestmark = pytest.mark.soak
PREFIX = "soak"
CLIENTS = 8


class KilledProcess:
    """A process that is killed and started again."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self._arguments, self._environment, self._log = arguments, environment, log
        self.start()

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._arguments], env=self._environment, stdout=log, stderr=log
            )

    def revive(self) -> None:
        """Start it again if it has ended, as a supervisor does: it ends where Redis is away at its start."""
        if self._process.poll() is not None:
            self.start()

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait(120)


class Askers:
    """Clients that send each request until it is answered with 200, with a new connection after each failure."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._done = threading.Event()
        self.entries: dict[str, str] = {}
        self.statuses: Counter[int | str] = Counter()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the requests under way."""
        self._done.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()

    def _ask(self, number: int) -> None:
        count = 0
        while not self._done.is_set():
            self._until_predicted(f"{number}-{count}")
            count += 1

    def _until_predicted(self, listing_id: str) -> None:
        body = json.dumps({"id": listing_id, **ROW})
        while True:
            connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
            try:
                connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                status: int | str = answer.status
                text = answer.read()
            except (OSError, HTTPException) as error:
                status, text = type(error).__name__, b""
            finally:
                connection.close()
            self.statuses[status] += 1
            if status == 200:
                prediction = json.loads(text)
                assert prediction["prediction"] == PRICE_OF_ROW
                self.entries[listing_id] = prediction["entry"]
                return
            time.sleep(0.05)  # a client that is refused waits before it tries again


@contextmanager
def repeating(call: Callable[[], None], pauses: Callable[[], float]) -> Iterator[None]:
    """Call again and again, in a thread."""
    stop = threading.Event()

    def repeat() -> None:
        while not stop.wait(pauses()):
            call()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)


@pytest.mark.timeout(0)
def test_every_200_has_exactly_one_prediction(private_redis: StartRedis, tmp_path: Path) -> None:
    minutes, seed = float(os.environ.get("MINUTES") or 10), int(os.environ.get("SEED") or 1)
    server: RedisServer = private_redis("--appendonly", "yes", "--appendfsync", "everysec")
    port = find_free_port()
    names = {"TASADOR_REDIS_URL": server.url, "TASADOR_PREFIX": PREFIX, "TASADOR_HOME": str(tmp_path)}
    environment = os.environ | names | {"TASADOR_GATEWAY__TIMEOUT_S": "3"}

    def start(name: str, *arguments: str) -> KilledProcess:
        return KilledProcess([*arguments], environment, tmp_path / f"{name}.log")

    processes = {
        **{name: start(name, "tests.consumer.doomed", server.url, PREFIX, name) for name in ("a", "b")},
        "gateway": start("gateway", "tasador", "gateway", "housing", "--name", "g", "--port", str(port)),
    }

    kills: Counter[str] = Counter()
    chosen = random.Random(seed)

    def kill_one() -> None:
        name = chosen.choice([*processes, "redis"])
        kills[name] += 1
        if name == "redis":
            server.kill()
            server.start()
        else:
            processes[name].kill()

    def revive() -> None:
        for process in processes.values():
            process.revive()

    try:
        askers = Askers(port)
        with repeating(revive, lambda: 0.5):
            wait_until(lambda: askers.entries, 60, "requests are answered")
            with repeating(kill_one, lambda: chosen.uniform(1, 5)):
                time.sleep(60 * minutes)
            askers.stop()
        with connect(server.url) as client:
            streams = Streams(PREFIX)
            wait_until(lambda: not pending(client, streams), 60, "everything is answered")
            predicted = Counter(one["data"]["listing_id"] for one in answers(client, streams.predictions))
            entries = {one["data"]["listing_id"]: one["id"] for one in answers(client, streams.predictions)}
            assert {each: predicted[each] for each in askers.entries if predicted[each] != 1} == {}
            assert {each: entry for each, entry in askers.entries.items() if entries[each] != entry} == {}
            assert set(outcomes(client, streams).values()) == {1}
    finally:
        for process in processes.values():
            process.kill()
    sys.stdout.write(f"\n{len(askers.entries)} predicted; {dict(kills)} killed; answers {dict(askers.statuses)}\n")
    assert set(kills) == {"a", "b", "gateway", "redis"} or minutes < 1
