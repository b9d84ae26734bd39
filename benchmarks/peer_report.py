"""The report on peers: other ways to serve the same model, beside the consumer."""

from __future__ import annotations

from datetime import datetime

from schemas.frozen_model import FrozenModel
from tasador.bench.machine import Machine
from tasador.bench.throughput import RateRatio, Spread

TARGET = 80.0
"""The consumer's rate must be at least this many times that of the best peer that batches HTTP requests."""


class PeerRate(FrozenModel):
    """What a peer, or the consumer with one model, did over all rounds.

    Attributes:
        name: short; `title` is for people.
        connections: that each had one request in flight; None if the peer has no HTTP.
        is_batching: whether it predicts waiting HTTP requests together.
        events_per_s: correct answers per second.
        times: the rate of the consumer with the reference model divided by this one's of the same round.
        cpu_us: processor time of all its processes per answer, in µs, without that of Redis.
        peak_bytes: the largest memory of all of them together.
    """

    name: str
    title: str
    connections: int | None
    is_batching: bool
    events_per_s: Spread
    times: Spread
    cpu_us: Spread
    peak_bytes: int


class PeersReport(FrozenModel):
    """The rates of all peers.

    Attributes:
        rounds: in which the consumer and the peers took turns.
        seconds: for which a server was measured in a round.
        consumers: the consumer with the reference model, then with the champion if there is one.
        left_out: which peer was not measured and why; empty if all were.
    """

    made_at: datetime
    machine: Machine
    rounds: int
    seconds: float
    consumers: tuple[PeerRate, ...]
    peers: tuple[PeerRate, ...]
    left_out: str

    @property
    def ratio(self) -> RateRatio:
        """The consumer's rate divided by that of the best server that batches."""
        best = min((peer for peer in self.peers if peer.is_batching), key=lambda peer: peer.times.median)
        return RateRatio(against=best.name, title=best.title, times=best.times, target=TARGET, floor=TARGET)

    @property
    def is_good(self) -> bool:
        """Whether that ratio reaches its target."""
        return self.ratio.is_reached
