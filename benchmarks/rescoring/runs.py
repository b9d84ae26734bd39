"""One run of rescoring over a whole log: how long it takes, and what its workers use."""

from __future__ import annotations

import multiprocessing
import resource
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from history.rescoring import rescore
from schemas.frozen_model import FrozenModel
from schemas.settings import Settings


class RescoreRun(FrozenModel):
    """One run over the whole log.

    Attributes:
        how: `processes` of this machine, or workers of `dask`.
        workers: number of them.
        seconds: from the call to the last file, with the start of processes and without that of a cluster.
        cpu_s: processor time of the workers together.
        peak_bytes: largest resident memory of a worker.
    """

    how: str
    workers: int
    seconds: float
    cpu_s: float
    peak_bytes: int


def measure(settings: Settings, how: str, workers: int, out: Path) -> RescoreRun:
    """Score the whole log again, from a process of its own: its children are then the workers of this run alone."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        run = pool.submit(_run, settings, how, workers, out).result()
    shutil.rmtree(out)
    return run


def _run(settings: Settings, how: str, workers: int, out: Path) -> RescoreRun:
    if how == "processes":
        seconds = _timed(settings, out, workers)
    else:
        with _cluster(workers) as address:
            seconds = _timed(settings.model_copy(update={"dask": address}), out, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # of the largest child, in KB on Linux
    peak_bytes = used.ru_maxrss * 1024
    cpu_s = round(used.ru_utime + used.ru_stime, 1)
    return RescoreRun(how=how, workers=workers, seconds=round(seconds, 1), cpu_s=cpu_s, peak_bytes=peak_bytes)


def _timed(settings: Settings, out: Path, workers: int) -> float:
    started = time.perf_counter()
    rescore(settings, "1", out, workers=workers)
    return time.perf_counter() - started


@contextmanager
def _cluster(workers: int) -> Iterator[str]:
    from distributed import LocalCluster

    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield str(cluster.scheduler_address)
