"""The parts of a run that can be asked for."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """What can be measured."""

    THROUGHPUT = "throughput"
    LATENCY = "latency"
    SWAP = "swap"
    START = "start"
    GROWTH = "growth"
    COSTS = "costs"
    PEERS = "peers"
