"""The parts of a run, by the names that `--part` takes."""

from __future__ import annotations

from enum import StrEnum


class BenchPart(StrEnum):
    """What can be measured."""

    THROUGHPUT = "throughput"
    AOF = "aof"
    BUSY = "busy"
    CLASSES = "classes"
    COSTS = "costs"
    STORED = "stored"
    ROLLOUT = "rollout"
    TRACED = "traced"
    LATENCY = "latency"
    SWAP = "swap"
    START = "start"
    SCALE = "scale"
    GROWTH = "growth"
    DRIFT = "drift"
