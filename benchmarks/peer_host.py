"""The host of a peer: its process, or processes, for as long as it is measured."""

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
from benchmarks.peers.servers import Server
from benchmarks.process import ContenderProcess
from benchmarks.rig import Rig
from schemas.errors import BenchmarkError
from tasador.machine.ports import find_free_port
from tasador.machine.supervision import program_command

ROOT = Path(__file__).parents[1]
TASKS = 3000
"""Listings that a queue of tasks drains."""
PEERS = "benchmarks.peers"
_STREAQ = "streaq"
"""Begins its keys, and names its functions."""
_END_S = 10.0
_PATIENCE_S = 90.0
_TOLERANCE = 1e-6
"""Relative; predictions are floats of 32 bits."""


class PeerHost:
    """Runs peers, one at a time, and asks them.

    Args:
        rig: whose Redis and whose model they get.
        python: of their environment.
        payloads: the listings that they are asked, as JSON.
    """

    def __init__(self, rig: Rig, python: Path, payloads: Sequence[bytes]) -> None:
        from xgboost import Booster

        self._rig = rig
        self._python = str(python.absolute())
        self._listings = [json.loads(payload) for payload in payloads]
        booster = Booster(model_file=rig.booster)
        rows = np.array([list(listing["data"].values()) for listing in self._listings], dtype=np.float32)
        self._prices = booster.inplace_predict(rows).tolist()

    def rate_of_server(self, server: Server, seconds: float) -> float:
        """Right answers a second.

        Raises:
            BenchmarkError: it could not be started, or did not answer as the model does.
        """
        port = find_free_port()
        requests = [build_request(server.path, json.dumps(server.ask(each)).encode()) for each in self._listings]
        with self._running(server.title, server.module, str(port), str(self._rig.booster)) as process:
            try:
                load = uvloop.run(put_load(port, requests, server.connections, seconds, process.look))
            except NotServedError as error:
                process.look()
                raise BenchmarkError(f"{server.title}: {error}; its last words: {process.last_words()}") from error
        for answer in load.answers:
            self._check(server.title, answer.number, *server.read(json.loads(answer.body)))
        return load.events_per_s

    def rate_of_streaq(self, title: str) -> float:
        """Tasks done a second by as many workers as there are cores, between the first and the last tenth.

        Raises:
            BenchmarkError: it could not be started, or did not answer each listing once, as the model does.
        """
        client, queue = self._rig.client, self._rig.streams.prefix
        had_functions = client.function_list(_STREAQ)
        arguments = (self._rig.url, queue, str(self._rig.booster))
        pairs = [(listing["id"], list(listing["data"].values())) for listing in self._listings[:TASKS]]
        try:
            tasks = self._of_tasks(title, "enqueue", arguments, pairs)
            with ExitStack() as running:
                workers = [
                    running.enter_context(self._running(title, f"{PEERS}.streaq_app", *arguments, number=number))
                    for number in range(psutil.cpu_count() or 1)
                ]
                try:
                    done = self._of_tasks(title, "collect", arguments, tasks)
                except BenchmarkError:
                    for worker in workers:
                        worker.look()  # where one has died, its last words say more
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

    def _of_tasks(self, title: str, verb: str, arguments: Sequence[str], given: Any) -> Any:
        command = [self._python, "-m", f"{PEERS}.streaq_tasks", *arguments, verb]
        try:
            done = subprocess.run(
                command,
                input=json.dumps(given),
                env=self._environment(),
                timeout=_PATIENCE_S,
                capture_output=True,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchmarkError(f"{title}: its tasks were not {verb}ed within {_PATIENCE_S:g} s") from error
        if done.returncode:
            raise BenchmarkError(f"{title}: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
        return json.loads(done.stdout)

    def _check(self, title: str, number: int, listing_id: str | None, price: float) -> None:
        asked, right = self._listings[number]["id"], self._prices[number]
        if listing_id not in (None, asked) or not math.isclose(price, right, rel_tol=_TOLERANCE):
            raise BenchmarkError(f"{title} answered {price} for {listing_id}; the model says {right} for {asked}")

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
                    family = [one for one in psutil.Process().children(recursive=True) if one not in before]
        finally:
            # a server's workers end with it; one that hangs is ended here
            _, hanging = psutil.wait_procs(family, _END_S)
            for one in hanging:
                one.kill()

    def _environment(self) -> dict[str, str]:
        home = self._rig.settings.home
        own = {"PYTHONPATH": str(ROOT), "BENTOML_HOME": str(home / "bentoml"), "BENTOML_DO_NOT_TRACK": "true"}
        return self._rig.environment() | own
