"""Runs tasks in this process, in processes of this machine, or on a Dask cluster.

The tasks of a process that died run again. A task runs on one core, and may run twice: what it writes must be complete
or absent.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from schemas.errors import ConfigurationError, DataError

T = TypeVar("T")
R = TypeVar("R")

_ATTEMPTS = 3
_CONNECT_S = 30


def run_here(work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
    """The results of tasks, each as soon as it is there, in order."""
    for task in tasks:
        yield _on_one_core(work, task)


def run_in_processes(work: Callable[[T], R], tasks: Sequence[T], workers: int) -> Iterator[R]:
    """As `run_here`, in processes and in any order.

    Args:
        work: a function of a module, for it is sent to the processes by its name.
        tasks: so are their fields.
        workers: how many processes.

    Raises:
        DataError: processes died again and again, and no task was done in between.
    """
    rest, failures = list(range(len(tasks))), 0
    while rest:
        done: set[int] = set()
        context = multiprocessing.get_context("spawn")
        try:
            with ProcessPoolExecutor(min(workers, len(rest)), mp_context=context) as pool:
                running: dict[Future[R], int] = {pool.submit(_on_one_core, work, tasks[at]): at for at in rest}
                for future in as_completed(running):
                    result = future.result()
                    done.add(running[future])
                    yield result
        except BrokenProcessPool as error:
            failures = 1 if done else failures + 1
            if failures == _ATTEMPTS:
                raise DataError(
                    f"processes died {_ATTEMPTS} times in a row, with {len(rest)} tasks left: is the memory full?"
                ) from error
        rest = [at for at in rest if at not in done]


def run_on_dask(work: Callable[[T], R], tasks: Sequence[T], address: str) -> Iterator[R]:
    """As `run_here`, on the workers of a cluster and in any order.

    Args:
        work: a function of a module that the workers have too.
        tasks: so are their fields.
        address: of the scheduler, such as ``tcp://10.0.0.5:8786``.

    Raises:
        ConfigurationError: the cluster does not answer, or Dask is not installed.
    """
    try:
        from distributed import Client
        from distributed import as_completed as completed_of
    except ImportError as error:
        raise ConfigurationError(
            f"TASADOR_DASK is {address}, but Dask is not installed: pip install tasador[dask]"
        ) from error
    connect: Any = Client
    completed: Any = completed_of
    try:
        client = connect(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ConfigurationError(f"TASADOR_DASK is {address}, which does not answer: {error}") from error
    with client, client.as_current():
        futures = [client.submit(_on_one_core, work, task, pure=False, retries=_ATTEMPTS - 1) for task in tasks]
        for future in completed(futures):
            yield future.result()


def _on_one_core(work: Callable[[T], R], task: T) -> R:
    with threadpool_limits(1):
        return work(task)
