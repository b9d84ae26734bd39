"""Running a peer: its processes, the requests that it gets, and the check of its answers."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import uvloop

from benchmarks.peers.load import NotServedError, build_request, put_load
from benchmarks.peers.servers import PeerServer
from schemas.errors import BenchmarkError
from tasador.bench.process import ContenderProcess
from tasador.bench.rig import Rig
from tasador.machine.ports import find_free_port
from tasador.machine.supervision import program_command

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

    def rate_of_server(self, server: PeerServer, seconds: float) -> float:
        """Correct answers per second.

        Raises:
            BenchmarkError: the server did not start, or did not answer as the model does.
        """
        port = find_free_port()
        requests = [
            build_request(server.path, json.dumps(server.body_of(listing)).encode()) for listing in self._listings
        ]
        with self._running(server.title, server.module, str(port), str(self._rig.booster)) as process:
            try:
                load = uvloop.run(put_load(port, requests, server.connections, seconds, process.usage))
            except NotServedError as error:
                process.usage()
                raise BenchmarkError(f"{server.title}: {error}; its last output: {process.last_line()}") from error
        for answer in load.answers:
            self._check(server.title, answer.number, *server.prediction_of(json.loads(answer.body)))
        return load.events_per_s

    def rate_of_streaq(self, title: str) -> float:
        """Tasks per second of one worker per core, without the first and the last tenth of the tasks.

        Raises:
            BenchmarkError: streaq did not start, or did not answer each listing as the model does.
        """
        client, queue = self._rig.client, self._rig.streams.prefix
        had_functions = client.function_list(_STREAQ)
        arguments = (self._rig.url, queue, str(self._rig.booster))
        pairs = [(listing["id"], list(listing["data"].values())) for listing in self._listings[:TASKS]]
        try:
            tasks = self._run_tasks(title, "enqueue", arguments, pairs)
            with ExitStack() as running:
                workers = [
                    running.enter_context(self._running(title, f"{PACKAGE}.streaq_app", *arguments, number=number))
                    for number in range(psutil.cpu_count() or 1)
                ]
                try:
                    done = self._run_tasks(title, "collect", arguments, tasks)
                except BenchmarkError:
                    for worker in workers:
                        worker.usage()  # a worker that has died raises with its last output
                    raise
        finally:
            for key in list(client.scan_iter(f"{_STREAQ}:{queue}*", count=1000)):
                client.unlink(key)
            if not had_functions and client.function_list(_STREAQ):
                client.function_delete(_STREAQ)
        for number, (listing_id, price, _) in enumerate(done):
            self._check(title, number, listing_id, price)
        finished_ms = sorted(int(at_ms) for _, _, at_ms in done)
        tenth = len(finished_ms) // 10
        first, *_, last = finished_ms[tenth : len(finished_ms) - tenth]
        return (len(finished_ms) - 2 * tenth - 1) / max(last - first, 1) * 1000

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
