"""Measuring peers: in each round the consumer and all peers take turns, starting with a different one.

Peers run in an environment of their own, which `make bench-peers` creates. Each is started anew in each round, and each
of its answers must equal the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.peer_host import PeerHost
from benchmarks.peer_redis import version_of
from benchmarks.peer_report import PeerRate, PeersReport
from benchmarks.peer_usage import PeerFigures
from benchmarks.peers.servers import SERVERS, PeerServer
from registry.versions import ModelVersionInfo
from schemas.errors import BenchmarkError
from tasador.bench.contenders.contender import Contender, build_product
from tasador.bench.drain import measure_drain
from tasador.bench.machine import describe_machine
from tasador.bench.payloads import build_payloads
from tasador.bench.rig import Rig
from tasador.bench.throughput import Spread
from training.progress import Progress

PYTHON = Path(".venv-peers/bin/python")
SECONDS = 5.0
_REQUESTS = 20_000
"""Number of different listings that peers are sent."""
_WITH_FUNCTIONS = 7
"""The first version of Redis with functions, which streaq needs."""


class _Turn(NamedTuple):
    """A program that takes turns."""

    name: str
    title: str
    measure: Callable[[], PeerFigures]
    connections: int | None = None
    is_batching: bool = False


def measure_peers(
    rig: Rig,
    listings: int,
    rounds: int,
    progress: Progress,
    *,
    champion: ModelVersionInfo | None = None,
    streaq_urls: Sequence[str] = (),
    python: Path = PYTHON,
    servers: Sequence[PeerServer] = SERVERS,
) -> PeersReport:
    """Measure the consumer and the peers that can run with this Redis.

    Args:
        rig: where to measure.
        listings: how many the consumer drains in a round.
        rounds: how many.
        progress: called with a line after each turn.
        champion: a model of the rig's registry with which the consumer is measured too.
        streaq_urls: servers on which streaq is measured; without any on the rig's, if that is new enough.
        python: of the peers' environment.
        servers: the peers with HTTP, which are measured for `SECONDS` in a round; at least one of them batches.

    Raises:
        BenchmarkError: the environment is missing, or a peer did not start or did not answer as the model does.
        RedisUnavailableError: Redis does not answer.
    """
    if not python.exists():
        raise BenchmarkError(f"no {python}; create it with `make bench-peers`")
    payloads = build_payloads(rig.settings.load_domain(), max(listings, _REQUESTS))
    host = PeerHost(rig, python, payloads[:_REQUESTS])
    models = [None, champion] if champion else [None]
    ours = [_consumer_turn(rig, build_product(model), payloads[:listings]) for model in models]
    peers = [_server_turn(host, server) for server in servers]
    left_out = "" if streaq_urls else _left_out(rig)
    if left_out:
        progress(left_out)
    else:
        peers += [_streaq_turn(host, url) for url in streaq_urls or (rig.url,)]
    turns = [*ours, *peers]
    measured: dict[str, list[PeerFigures]] = {turn.name: [] for turn in turns}
    for number in range(1, rounds + 1):
        first = number % len(turns)
        for turn in (*turns[first:], *turns[:first]):
            measured[turn.name].append(turn.measure())
            rate = measured[turn.name][-1].events_per_s
            progress(f"round {number} of {rounds}: {turn.title}: {rate:,.0f} events/s")
    reference = measured[ours[0].name]
    return PeersReport(
        made_at=datetime.now(UTC),
        machine=describe_machine(rig.client),
        rounds=rounds,
        seconds=SECONDS,
        consumers=tuple(_peer_rate(turn, reference, measured[turn.name]) for turn in ours),
        peers=tuple(_peer_rate(turn, reference, measured[turn.name]) for turn in peers),
        left_out=left_out,
    )


def _consumer_turn(rig: Rig, contender: Contender, payloads: Sequence[bytes]) -> _Turn:
    def measure() -> PeerFigures:
        drain = measure_drain(rig, contender, payloads, 1)
        (process,) = drain.processes
        return PeerFigures(drain.events_per_s, process.cpu_us, process.peak_bytes)

    return _Turn(contender.name, contender.title, measure)


def _server_turn(host: PeerHost, server: PeerServer) -> _Turn:
    measure = partial(host.measure_server, server, SECONDS)
    return _Turn(server.name, server.title, measure, server.connections, server.is_batching)


def _streaq_turn(host: PeerHost, url: str) -> _Turn:
    version = version_of(url)
    title = f"streaq on Redis {version}, one task a listing"
    return _Turn(f"streaq-{version}", title, partial(host.measure_streaq, title, url))


def _left_out(rig: Rig) -> str:
    version = version_of(rig.url)
    if int(version.partition(".")[0]) >= _WITH_FUNCTIONS:
        return ""
    return f"streaq is left out: it needs Redis {_WITH_FUNCTIONS} or newer (`--streaq-image`), and this is {version}"


def _peer_rate(turn: _Turn, ours: Sequence[PeerFigures], theirs: Sequence[PeerFigures]) -> PeerRate:
    pairs = zip(ours, theirs, strict=True)
    return PeerRate(
        name=turn.name,
        title=turn.title,
        connections=turn.connections,
        is_batching=turn.is_batching,
        events_per_s=Spread.of(figures.events_per_s for figures in theirs),
        times=Spread.of(one.events_per_s / other.events_per_s for one, other in pairs),
        cpu_us=Spread.of(figures.cpu_us for figures in theirs),
        peak_bytes=max(figures.peak_bytes for figures in theirs),
    )
