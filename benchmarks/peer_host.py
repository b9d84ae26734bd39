"""Running a peer: its processes, the requests that it gets, and the check of its answers."""

from __future__ import annotations

import json
import math
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import redis
import uvloop

from benchmarks.peer_usage import FamilySampler, PeerFigures
from benchmarks.peers.load import NotServedError, build_request, put_load
from benchmarks.peers.servers import PeerServer
from schemas.errors import BenchmarkError
from tasador.bench.process import ContenderProcess
from tasador.bench.rig import Rig
from tasador.machine.ports import find_free_port
from tasador.machine.supervision import program_command
from transport.connection import connect

ROOT = Path(__file__).parents[1]
TASKS = 3000
"""Number of tasks in the queue."""
PACKAGE = "benchmarks.peers"
_STREAQ = "streaq"
"""Prefix of its keys, and name of its library of functions."""
_STOP_TIMEOUT_S = 10.0
_TASKS_TIMEOUT_S = 90.0
_TOLERANCE = 1e-6
"""Relative, because predictions are 32-bit floats."""


class PeerHost:
    """Runs peers, one at a time.

    Args:
        rig: its Redis and its model are the peers'.
        python: of the peers' environment.
        payloads: the listings to predict, as JSON.
    """

    def __init__(self, rig: Rig, python: Path, payloads: Sequence[bytes]) -> None:
        from xgboost import Booster

        self._rig = rig
        self._python = str(python.absolute())
        self._listings = [json.loads(payload) for payload in payloads]
        booster = Booster(model_file=rig.booster)
        rows = np.array([list(listing["data"].values()) for listing in self._listings], dtype=np.float32)
        self._prices = booster.inplace_predict(rows).tolist()

    def measure_server(self, server: PeerServer, seconds: float) -> PeerFigures:
        """Put a load on a server.

        Raises:
            BenchmarkError: the server did not start, or did not answer as the model does.
        """
        port = find_free_port()
        requests = [
            build_request(server.path, json.dumps(server.body_of(listing)).encode()) for listing in self._listings
        ]
        with self._running(server.title, server.module, str(port), str(self._rig.booster)) as process:
            try:
                with FamilySampler([process.pid]) as sampler:
                    load = uvloop.run(put_load(port, requests, server.connections, seconds, process.usage))
                    end = time.time()
            except NotServedError as error:
                process.usage()
                raise BenchmarkError(f"{server.title}: {error}; its last output: {process.last_line()}") from error
        for answer in load.answers:
            self._check(server.title, answer.number, *server.prediction_of(json.loads(answer.body)))
        answers = max(load.events_per_s * seconds, 1)
        return PeerFigures(load.events_per_s, sampler.cpu_s(end - seconds, end) / answers * 1e6, sampler.peak_bytes)

    def measure_streaq(self, title: str, url: str) -> PeerFigures:
        """Let one worker per core do tasks; the first and the last tenth of them are not counted.

        Args:
            title: for people.
            url: of the Redis that has the tasks.

        Raises:
            BenchmarkError: streaq did not start, or did not answer each listing as the model does.
        """
        queue = self._rig.streams.prefix
        arguments = (url, queue, str(self._rig.booster))
        pairs = [(listing["id"], list(listing["data"].values())) for listing in self._listings[:TASKS]]
        with connect(url) as client, _without_traces(client, queue):
            tasks = self._run_tasks(title, "enqueue", arguments, pairs)
            with ExitStack() as running:
                workers = [
                    running.enter_context(self._running(title, f"{PACKAGE}.streaq_app", *arguments, number=number))
                    for number in range(psutil.cpu_count() or 1)
                ]
                sampler = running.enter_context(FamilySampler([worker.pid for worker in workers]))
                try:
                    done = self._run_tasks(title, "collect", arguments, tasks)
                except BenchmarkError:
                    for worker in workers:
                        worker.usage()  # a worker that has died raises with its last output
                    raise
        for number, (listing_id, price, _) in enumerate(done):
            self._check(title, number, listing_id, price)
        finished_ms = sorted(int(at_ms) for _, _, at_ms in done)
        tenth = len(finished_ms) // 10
        first, *_, last = finished_ms[tenth : len(finished_ms) - tenth]
        counted = len(finished_ms) - 2 * tenth - 1
        rate = counted / max(last - first, 1) * 1000
        return PeerFigures(rate, sampler.cpu_s(first / 1000, last / 1000) / counted * 1e6, sampler.peak_bytes)

    def _run_tasks(self, title: str, verb: str, arguments: Sequence[str], data: Any) -> Any:
        command = [self._python, "-m", f"{PACKAGE}.streaq_tasks", *arguments, verb]
        try:
            done = subprocess.run(
                command,
                input=json.dumps(data),
                env=self._environment(),
                timeout=_TASKS_TIMEOUT_S,
                capture_output=True,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchmarkError(f"{title}: could not {verb} its tasks within {_TASKS_TIMEOUT_S:g} s") from error
        if done.returncode:
            raise BenchmarkError(f"{title}: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
        return json.loads(done.stdout)

    def _check(self, title: str, number: int, listing_id: str | None, price: float) -> None:
        expected_id, expected = self._listings[number]["id"], self._prices[number]
        if listing_id not in (None, expected_id) or not math.isclose(price, expected, rel_tol=_TOLERANCE):
            raise BenchmarkError(
                f"{title} answered {price} for {listing_id}; the model predicts {expected} for {expected_id}"
            )

    @contextmanager
    def _running(self, title: str, module: str, *arguments: str, number: int = 0) -> Iterator[ContenderProcess]:
        command = program_command(self._python, "-m", module, *arguments)
        log = self._rig.settings.home / f"{number}.{module}.log"
        before = psutil.Process().children(recursive=True)
        family: list[psutil.Process] = []
        try:
            with ContenderProcess(title, command, self._environment(), log) as process:
                try:
                    yield process
                finally:
                    children = psutil.Process().children(recursive=True)
                    family = [child for child in children if child not in before]
        finally:
            # a server's workers end with it; those that hang are killed
            _, hanging = psutil.wait_procs(family, _STOP_TIMEOUT_S)
            for child in hanging:
                child.kill()

    def _environment(self) -> dict[str, str]:
        home = self._rig.settings.home
        own = {"PYTHONPATH": str(ROOT), "BENTOML_HOME": str(home / "bentoml"), "BENTOML_DO_NOT_TRACK": "true"}
        return self._rig.environment() | own


@contextmanager
def _without_traces(client: redis.Redis, queue: str) -> Iterator[None]:
    """Remove what streaq leaves: its keys, and its library of functions if that was not there before."""
    had_functions = client.function_list(_STREAQ)
    try:
        yield
    finally:
        for key in list(client.scan_iter(f"{_STREAQ}:{queue}*", count=1000)):
            client.unlink(key)
        if not had_functions and client.function_list(_STREAQ):
            client.function_delete(_STREAQ)
