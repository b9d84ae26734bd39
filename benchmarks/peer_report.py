"""The report on peers: other ways to serve the same model, beside the consumer."""

from __future__ import annotations

from datetime import datetime

from schemas.frozen_model import FrozenModel
from tasador.bench.machine import Machine
from tasador.bench.throughput import RateRatio, Spread

TARGET = 80.0
"""The consumer's rate must be at least this many times that of the best peer that batches HTTP requests."""


class PeerRate(FrozenModel):
    """The rate of a peer.

    Attributes:
        name: short; `title` is for people.
        connections: that each had one request in flight; None if the peer has no HTTP.
        is_batching: whether it predicts waiting HTTP requests together.
        events_per_s: correct answers per second.
        times: the consumer's rate divided by the peer's of the same round.
    """

    name: str
    title: str
    connections: int | None
    is_batching: bool
    events_per_s: Spread
    times: Spread


class PeersReport(FrozenModel):
    """The rates of all peers.

    Attributes:
        rounds: in which the consumer and the peers took turns.
        seconds: for which a server was measured in a round.
        consumer: answers per second.
        left_out: which peer was not measured and why; empty if all were.
    """

    made_at: datetime
    machine: Machine
    rounds: int
    seconds: float
    consumer: Spread
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
