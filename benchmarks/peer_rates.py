"""Measuring peers: in each round the consumer and all peers take turns, starting with a different one.

Peers run in an environment of their own, which `make bench-peers` creates. Each is started anew in each round, and each
of its answers must equal the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peer_host import PeerHost
from benchmarks.peer_report import PeerRate, PeersReport
from benchmarks.peers.servers import SERVERS, PeerServer
from schemas.errors import BenchmarkError
from tasador.bench.contenders.contender import build_product
from tasador.bench.drain import measure_drain
from tasador.bench.machine import describe_machine
from tasador.bench.payloads import build_payloads
from tasador.bench.rig import Rig
from tasador.bench.throughput import Spread
from training.progress import Progress

PYTHON = Path(".venv-peers/bin/python")
SECONDS = 5.0
STREAQ, STREAQ_TITLE = "streaq", "streaq, one task a listing"
_REQUESTS = 20_000
"""Number of different listings that peers are sent."""
_WITH_FUNCTIONS = 7
"""The first version of Redis with functions, which streaq needs."""


class _Turn(NamedTuple):
    """A program that takes turns; `measure` returns its rate."""

    name: str
    title: str
    measure: Callable[[], float]
    connections: int | None = None
    is_batching: bool = False


def measure_peers(
    rig: Rig,
    listings: int,
    rounds: int,
    progress: Progress,
    *,
    python: Path = PYTHON,
    servers: Sequence[PeerServer] = SERVERS,
    seconds: float = SECONDS,
) -> PeersReport:
    """Measure the consumer and the peers that can run with this Redis.

    Args:
        rig: where to measure.
        listings: how many the consumer drains in a round.
        rounds: how many.
        progress: called with a line after each turn.
        python: of the peers' environment.
        servers: the peers with HTTP; at least one of them batches.
        seconds: for which each of them is measured in a round.

    Raises:
        BenchmarkError: the environment is missing, or a peer did not start or did not answer as the model does.
        RedisUnavailableError: Redis does not answer.
    """
    if not python.exists():
        raise BenchmarkError(f"no {python}; create it with `make bench-peers`")
    payloads = build_payloads(rig.settings.load_domain(), max(listings, _REQUESTS))
    host = PeerHost(rig, python, payloads[:_REQUESTS])
    consumer = build_product()

    def measure_consumer() -> float:
        return measure_drain(rig, consumer, payloads[:listings], 1).events_per_s

    turns = [_Turn(consumer.name, consumer.title, measure_consumer)]
    turns += [_server_turn(host, server, seconds) for server in servers]
    left_out = _left_out(rig)
    if left_out:
        progress(left_out)
    else:
        turns.append(_Turn(STREAQ, STREAQ_TITLE, partial(host.rate_of_streaq, STREAQ_TITLE)))
    rates: dict[str, list[float]] = {turn.name: [] for turn in turns}
    for number in range(1, rounds + 1):
        first = number % len(turns)
        for turn in (*turns[first:], *turns[:first]):
            rates[turn.name].append(turn.measure())
            progress(f"round {number} of {rounds}: {turn.title}: {rates[turn.name][-1]:,.0f} events/s")
    return PeersReport(
        made_at=datetime.now(UTC),
        machine=describe_machine(rig.client),
        rounds=rounds,
        seconds=seconds,
        consumer=Spread.of(rates[consumer.name]),
        peers=tuple(_peer_rate(peer, rates[consumer.name], rates[peer.name]) for peer in turns[1:]),
        left_out=left_out,
    )


def _server_turn(host: PeerHost, server: PeerServer, seconds: float) -> _Turn:
    rate = partial(host.rate_of_server, server, seconds)
    return _Turn(server.name, server.title, rate, server.connections, server.is_batching)


def _left_out(rig: Rig) -> str:
    info: Any = rig.client.info("server")
    version = str(info["redis_version"])
    if int(version.partition(".")[0]) >= _WITH_FUNCTIONS:
        return ""
    return f"streaq is left out: it needs Redis {_WITH_FUNCTIONS} or newer (`--redis-url`), and this is {version}"


def _peer_rate(turn: _Turn, ours: Sequence[float], theirs: Sequence[float]) -> PeerRate:
    return PeerRate(
        name=turn.name,
        title=turn.title,
        connections=turn.connections,
        is_batching=turn.is_batching,
        events_per_s=Spread.of(theirs),
        times=Spread.of(our_rate / their_rate for our_rate, their_rate in zip(ours, theirs, strict=True)),
    )
