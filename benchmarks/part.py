"""The parts of a run that can be asked for."""

from __future__ import annotations

from enum import StrEnum


class BenchPart(StrEnum):
    """What can be measured."""

    THROUGHPUT = "throughput"
    COSTS = "costs"
    LATENCY = "latency"
    SWAP = "swap"
    START = "start"
    SCALE = "scale"
    GROWTH = "growth"
    DRIFT = "drift"
    PEERS = "peers"
