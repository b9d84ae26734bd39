"""`python -m benchmarks.bench_gateway`: the gateway beside FastAPI with the model in its process, as a table."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from benchmarks.peer_host import PeerHost
from benchmarks.peers.load import build_request, put_load
from benchmarks.peers.servers import SERVERS
from producer import AsyncListingPublisher
from tasador.bench.model import train_reference
from tasador.bench.payloads import build_payloads
from tasador.bench.process import ContenderProcess
from tasador.bench.rig import Rig, bench_workspace, settings_for
from tasador.cli.signals import interrupt_on_signals
from tasador.cli.terminal import print_line, print_note
from tasador.machine.ports import find_free_port
from tasador.machine.supervision import tasador_command

CONNECTIONS = (64, 512)
BATCH = 1_000
_LISTINGS = 20_000
_ASKED = 2_000
_FASTAPI = next(server for server in SERVERS if server.name == "fastapi")


class GatewayHost:
    """Runs a gateway in front of one consumer on a rig.

    Args:
        rig: where to measure.
        rows: features of listings; without ids, because a repeat is not scored again.
    """

    def __init__(self, rig: Rig, rows: Sequence[Any]) -> None:
        self._rig = rig
        self._rows = rows

    @contextmanager
    def running(self) -> Iterator[Callable[..., list[float]]]:
        """Yield a function that puts a load on a path: requests a second, and of one connection the median time."""
        port = find_free_port()
        command = tasador_command("gateway", self._rig.settings.domain, "--port", str(port))
        log = self._rig.settings.home / "gateway.log"
        with (
            self._rig.consumer(),
            ContenderProcess("tasador gateway", command, self._rig.environment(), log) as process,
        ):

            def load(path: str, bodies: Sequence[Any], connections: int, seconds: float) -> list[float]:
                requests = [build_request(path, json.dumps(body).encode()) for body in bodies]
                done = uvloop.run(put_load(port, requests, connections, seconds, process.usage))
                if connections > 1:
                    return [done.events_per_s]
                times = [later.at_s - earlier.at_s for earlier, later in pairwise(done.answers)]
                return [done.events_per_s, statistics.median(times)]

            yield load


async def ask_one_by_one(rig: Rig, rows: Sequence[Any]) -> float:
    """Median seconds of asking the stream itself, without HTTP."""
    async with AsyncListingPublisher(rig.settings) as publisher:
        times = []
        for number, row in enumerate(rows[:_ASKED]):
            begin = time.perf_counter()
            await publisher.aask({"id": f"asked-{number}", "data": row})
            times.append(time.perf_counter() - begin)
    return statistics.median(times)


def bench_gateway(
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.5, help="Of each load.")] = 5.0,
) -> None:
    """Measure the gateway and FastAPI in turn; the ratios are of one run, with consumer, Redis and load included."""
    with interrupt_on_signals(), bench_workspace() as (url, home):
        settings = settings_for(url, home)
        rig = Rig(url, settings, train_reference(settings, print_note))
        payloads = build_payloads(rig.settings.load_domain(), _LISTINGS)
        rows = [json.loads(payload)["data"] for payload in payloads]
        peer, own = PeerHost(rig, Path(sys.executable), payloads), GatewayHost(rig, rows)
        for number in range(1, rounds + 1):
            print_line(f"round {number} of {rounds}")
            theirs = {
                count: peer.measure_server(replace(_FASTAPI, connections=count), seconds).events_per_s
                for count in CONNECTIONS
            }
            with own.running() as load:
                for count in CONNECTIONS:
                    (ours,) = load("/predict", rows, count, seconds)
                    shown = f"{ours:,.0f} requests/s, FastAPI {theirs[count]:,.0f}: {ours / theirs[count]:.2f} times"
                    print_line(f"  {count} connections: {shown}")
                _, over_http = load("/predict", rows, 1, seconds)
                asked = uvloop.run(ask_one_by_one(rig, rows))
                added = f"{over_http * 1e3:.2f} ms, {(over_http - asked) * 1e3:.2f} ms more than the stream's own"
                print_line(f"  1 connection: p50 {added}")
                batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
                for count in (1, 4):
                    rate = load("/predict/batch", batches, count, seconds)[0]
                    print_line(f"  batches of {BATCH:,}, {count} at once: {rate * BATCH:,.0f} listings/s")


if __name__ == "__main__":
    typer.run(bench_gateway)
