"""The peers' rates beside the consumer's: everybody takes turns, another one first in each round.

Peers run in an environment of their own, which `make bench-peers` makes. Each is started anew in each round, and each
of its answers must be the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from benchmarks.contenders import Contender, build_contenders
from benchmarks.drain import measure_drain
from benchmarks.payloads import build_payloads
from benchmarks.peer_host import PeerHost
from benchmarks.peers.servers import SERVERS, Server
from benchmarks.rig import Rig
from benchmarks.size import Size
from benchmarks.targets import BATCHING_HTTP, TARGETS, floor_of
from benchmarks.throughput import Ratio, Spread
from schemas.errors import BenchmarkError

PYTHON = Path(".venv-peers/bin/python")
SECONDS = 5.0
STREAQ, STREAQ_TITLE = "streaq", "streaq, one task a listing"
_ASKED = 20_000
"""Different listings, by which peers are asked."""
_WITH_FUNCTIONS = 7
"""From this version on Redis has functions, which streaq needs."""


class Peer(BaseModel):
    """What another way to serve the same model reaches.

    Attributes:
        name: short; so with `title`, for a person.
        connections: that always had a request under way; None where it does not speak HTTP.
        is_batching: it predicts together what waits, and speaks HTTP.
        events_per_s: right answers a second.
        times: the consumer's rate over its rate in the same round.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    connections: int | None
    is_batching: bool
    events_per_s: Spread
    times: Spread


class Peers(BaseModel):
    """All of them.

    Attributes:
        rounds: how often everybody took a turn.
        seconds: for how long a server was asked.
        is_quick: whether less is asked of the ratio.
        consumer: the consumer's answers a second.
        peers: the others.
        left_out: who was not measured and why, in a sentence; empty where everybody was.
    """

    model_config = ConfigDict(frozen=True)

    rounds: int
    seconds: float
    is_quick: bool = False
    consumer: Spread
    peers: tuple[Peer, ...]
    left_out: str

    @property
    def ratio(self) -> Ratio:
        """The consumer beside the best server that batches."""
        best = min((peer for peer in self.peers if peer.is_batching), key=lambda peer: peer.times.median)
        floor = floor_of(BATCHING_HTTP, is_quick=self.is_quick)
        return Ratio(against=best.name, title=best.title, times=best.times, target=TARGETS[BATCHING_HTTP], floor=floor)

    @property
    def is_good(self) -> bool:
        """Whether that is not below its floor."""
        return self.ratio.is_enough


class _Turn(NamedTuple):
    """One who takes turns; `measure` takes the round and gives a rate."""

    name: str
    title: str
    measure: Callable[[int], float]
    connections: int | None = None
    is_batching: bool = False


def measure_peers(
    rig: Rig,
    size: Size,
    tell: Callable[[str], object],
    python: Path = PYTHON,
    servers: Sequence[Server] = SERVERS,
    seconds: float = SECONDS,
) -> Peers:
    """Measure the consumer and those peers that can run beside this Redis.

    Args:
        rig: where.
        size: the listings that the consumer drains in a round, and the rounds.
        tell: is told how far it is, in a line.
        python: of the peers' environment.
        servers: who is asked over HTTP; one of them batches.
        seconds: for how long each of them is asked.

    Raises:
        BenchmarkError: there is no environment, or one could not be started or did not answer as the model does.
        RedisUnavailableError: Redis went away.
    """
    if not python.exists():
        raise BenchmarkError(f"no {python}: `make bench-peers` makes it")
    payloads = build_payloads(rig.settings.load_domain(), max(size.listings, _ASKED))
    host = PeerHost(rig, python, payloads[:_ASKED])
    consumer, *_ = build_contenders(rig.booster)
    turns = [_Turn(consumer.name, consumer.title, partial(_drain, rig, consumer, payloads[: size.listings]))]
    for server in servers:
        ask = partial(_ask, host, server, seconds)
        turns.append(_Turn(server.name, server.title, ask, server.connections, server.is_batching))
    left_out = _left_out(rig)
    if left_out:
        tell(left_out)
    else:
        turns.append(_Turn(STREAQ, STREAQ_TITLE, lambda _: host.rate_of_streaq(STREAQ_TITLE)))
    rates: dict[str, list[float]] = {turn.name: [] for turn in turns}
    for number in range(1, size.rounds + 1):
        first = number % len(turns)
        for turn in (*turns[first:], *turns[:first]):
            rates[turn.name].append(turn.measure(number))
            tell(f"round {number} of {size.rounds}: {turn.title}: {rates[turn.name][-1]:,.0f} events/s")
    return Peers(
        rounds=size.rounds,
        seconds=seconds,
        is_quick=size.is_quick,
        consumer=Spread.of(rates[consumer.name]),
        peers=tuple(_peer(turn, rates[consumer.name], rates[turn.name]) for turn in turns[1:]),
        left_out=left_out,
    )


def _drain(rig: Rig, consumer: Contender, payloads: Sequence[bytes], number: int) -> float:
    return measure_drain(rig, consumer, payloads, number).events_per_s


def _ask(host: PeerHost, server: Server, seconds: float, _: int) -> float:
    return host.rate_of_server(server, seconds)


def _left_out(rig: Rig) -> str:
    server: Any = rig.client.info("server")
    version = str(server["redis_version"])
    if int(version.partition(".")[0]) >= _WITH_FUNCTIONS:
        return ""
    return f"streaq is left out: it needs Redis {_WITH_FUNCTIONS} or newer (`--redis-url`), and this is {version}"


def _peer(turn: _Turn, ours: Sequence[float], theirs: Sequence[float]) -> Peer:
    return Peer(
        name=turn.name,
        title=turn.title,
        connections=turn.connections,
        is_batching=turn.is_batching,
        events_per_s=Spread.of(theirs),
        times=Spread.of(ours_per_s / per_s for ours_per_s, per_s in zip(ours, theirs, strict=True)),
    )
