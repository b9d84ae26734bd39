"""Peers are measured against the consumer; a peer whose answers differ from the model's gets no figure.

FastAPI is in this environment too, so the tests use it; the other peers need `make bench-peers`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.peer_host import PeerHost
from benchmarks.peer_rates import measure_peers
from benchmarks.peer_redis import redis_of_image
from benchmarks.peer_report import PeerRate, PeersReport
from benchmarks.peer_usage import FamilySampler
from benchmarks.peers.load import HOST, NotServedError, build_request, put_load
from benchmarks.peers.servers import SERVERS
from schemas.errors import BenchmarkError
from tasador.bench.payloads import build_payloads
from tasador.bench.rig import Rig
from tasador.bench.throughput import Spread
from tests.benchmarks.stand_in import WRONG_ID, WRONG_PREDICTION
from tests.benchmarks.test_report import MACHINE
from tests.waiting import wait_until
from training.progress import discard_progress

PYTHON = Path(sys.executable)
STAND_IN = replace(SERVERS[0], is_batching=True, connections=4)
WRONG_SERVER = replace(STAND_IN, module="tests.benchmarks.stand_in")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"


@pytest.fixture
def host(rig: Rig) -> PeerHost:
    return PeerHost(rig, PYTHON, build_payloads(rig.settings.load_domain(), 20))


@pytest.mark.rounds
def test_a_peer_takes_turns_with_the_consumer(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peer_rates._left_out", lambda _: "streaq is left out")
    monkeypatch.setattr("benchmarks.peer_rates.SECONDS", 0.5)
    monkeypatch.setattr("benchmarks.peers.load.WARM_UP_S", 0.1)
    lines: list[str] = []
    report = measure_peers(rig, 2000, 1, lines.append, python=PYTHON, servers=[STAND_IN])
    assert lines[0] == "streaq is left out"
    assert [line.rpartition(":")[0] for line in lines[1:]] == [
        "round 1 of 1: FastAPI, one listing a request",
        "round 1 of 1: tasador consumer",
    ]
    (peer,) = report.peers
    assert peer.events_per_s.median > 0
    (consumer,) = report.consumers
    assert report.ratio.times.median == pytest.approx(consumer.events_per_s.median / peer.events_per_s.median)
    # the interpreter of a server and of a consumer alone takes more
    assert min(peer.peak_bytes, consumer.peak_bytes) > 10_000_000
    assert peer.cpu_us.median > consumer.cpu_us.median


@pytest.mark.parametrize(
    ("path", "message"),
    [(WRONG_PREDICTION, r"answered 1\.0 for .*; the model predicts"), (WRONG_ID, r"answered 1\.0 for another")],
)
def test_a_wrong_answer_gets_no_figure(
    host: PeerHost, monkeypatch: pytest.MonkeyPatch, path: str, message: str
) -> None:
    monkeypatch.setattr("benchmarks.peers.load.WARM_UP_S", 0)
    with pytest.raises(BenchmarkError, match=message):
        host.measure_server(replace(WRONG_SERVER, path=path), 0.1)


def test_a_peer_that_answers_with_an_error_is_reported_with_it(host: PeerHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.load.START_S", 2)
    with pytest.raises(BenchmarkError, match=r"does not answer: .*listing_id.*; its last output: .* 404"):
        host.measure_server(replace(WRONG_SERVER, path="/elsewhere"), 0.1)


def test_a_peer_that_cannot_start_is_reported_with_its_last_output(host: PeerHost) -> None:
    with pytest.raises(BenchmarkError, match=r"ended with exit code 1: .*No module named benchmarks\.peers\.missing"):
        host.measure_server(replace(WRONG_SERVER, module="benchmarks.peers.missing"), 1)


def test_a_peer_uses_what_its_children_use() -> None:
    work = "import time\nkept, end = b'x' * 50_000_000, time.process_time() + 0.3\n"
    work += "while time.process_time() < end: pass\ntime.sleep(60)"
    program = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {work!r}])"
    begin = time.time()
    with subprocess.Popen([sys.executable, "-c", program], start_new_session=True) as parent:
        try:
            with FamilySampler([parent.pid]) as sampler:
                wait_until(lambda: sampler.cpu_s(begin, time.time()) > 0.25)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)
    assert sampler.peak_bytes > 50_000_000


def test_an_image_that_cannot_run_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'no such image' >&2; exit 125\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(BenchmarkError, match="docker run: no such image"):
        redis_of_image("redis:0.1").__enter__()


def test_peers_need_an_environment_of_their_own(rig: Rig, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="create it with `make bench-peers`"):
        measure_peers(rig, 2000, 1, discard_progress, python=tmp_path / "python")


def test_the_target_is_for_the_best_server_that_batches() -> None:
    def peer(name: str, times: float, *, is_batching: bool) -> PeerRate:
        spread = Spread.of([times])
        return PeerRate(
            name=name,
            title=name,
            connections=1,
            is_batching=is_batching,
            events_per_s=spread,
            times=spread,
            cpu_us=spread,
            peak_bytes=1,
        )

    slow, best = peer("slow", 200, is_batching=True), peer("best", 79, is_batching=True)
    plain = peer("plain", 40, is_batching=False)
    report = PeersReport(
        made_at=datetime.now(UTC),
        machine=MACHINE,
        rounds=1,
        seconds=1,
        consumers=(),
        peers=(plain, slow, best),
        left_out="",
    )
    assert (report.ratio.against, report.ratio.target) == ("best", 80)
    assert not report.is_good
    assert report.model_copy(update={"peers": (plain, slow)}).is_good


@asynccontextmanager
async def _serving(answer: Callable[[bytes], bytes], busy: list[int]) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(1000):
            busy[0] += 1
            busy[1] = max(busy)
            await asyncio.sleep(0.01)
            busy[0] -= 1
            if not (response := answer(request)):
                break
            writer.write(response)
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]


def test_each_connection_always_has_one_request_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.load.WARM_UP_S", 0.1)
    requests = [build_request("/", b"%d" % number) for number in range(10)]
    busy = [0, 0]

    async def run() -> None:
        async with _serving(lambda request: OK % (1, request[-1:]), busy) as port:
            load = await put_load(port, requests, 5, 0.4, lambda: None)
        assert all(answer.body == b"%d" % answer.number for answer in load.answers)
        # each answer takes 10 ms and a little, so five connections cannot have more than 500 a second
        assert 0 < load.events_per_s <= 500
        assert len(load.answers) > load.events_per_s * 0.4

    asyncio.run(run())
    assert busy[1] == 5


def test_the_load_ends_when_the_server_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.load.WARM_UP_S", 0)
    served = iter([OK % (1, b"1"), OK % (1, b"1")])

    async def run() -> None:
        async with _serving(lambda _: next(served, b""), [0, 0]) as port:
            await asyncio.wait_for(put_load(port, [build_request("/", b"")], 1, 60, lambda: None), 30)

    with pytest.raises(NotServedError, match="incomplete answer"):
        asyncio.run(run())
    assert not list(served)
