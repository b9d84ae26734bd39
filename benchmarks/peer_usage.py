"""What a peer uses: processor time and memory of all its processes, since servers serve from their children."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple, Self

import numpy as np
import psutil

EVERY_S = 0.5
"""Each sample looks through all processes of the machine."""
_LOOK_S = 2.0
"""How often memory is looked at, which takes some milliseconds for each process."""


class PeerFigures(NamedTuple):
    """One measurement of a peer or of the consumer.

    Attributes:
        events_per_s: correct answers per second.
        cpu_us: processor time of all its processes per answer, in µs.
        peak_bytes: the largest memory of all of them together.
    """

    events_per_s: float
    cpu_us: float
    peak_bytes: int


class FamilySampler:
    """Samples processes and their children for the duration of the `with` block, in a thread.

    Memory is proportional: a page that n processes share counts 1/n for each. So workers that were forked from one
    process are not counted several times.

    Args:
        pids: of the processes.

    Attributes:
        peak_bytes: the largest memory so far.
    """

    def __init__(self, pids: list[int]) -> None:
        self._heads = [psutil.Process(pid) for pid in pids]
        self._samples: list[tuple[float, float]] = []
        self._next_look_s = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peak_bytes = 0

    def __enter__(self) -> Self:
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def cpu_s(self, begin: float, end: float) -> float:
        """Processor seconds between two moments of `time.time`, interpolated between samples."""
        moments, used_s = zip(*self._samples, strict=True)
        first_s, last_s = np.interp([begin, end], moments, used_s)
        return float(last_s - first_s)

    def _run(self) -> None:
        while not self._is_over.wait(EVERY_S):
            self._sample()
        self._next_look_s = 0.0
        self._sample()

    def _sample(self) -> None:
        family = self._family()
        self._samples.append((time.time(), sum(map(_cpu_s, family))))
        if time.monotonic() >= self._next_look_s:
            self.peak_bytes = max(self.peak_bytes, sum(map(_bytes, family)))
            self._next_look_s = time.monotonic() + _LOOK_S

    def _family(self) -> list[psutil.Process]:
        family: list[psutil.Process] = []
        for head in self._heads:
            try:
                family += [head, *head.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
        return family


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _bytes(process: psutil.Process) -> int:
    try:
        memory = process.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    return int(getattr(memory, "pss", memory.uss))
