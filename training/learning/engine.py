"""Engines run units of work: threads of this process, or workers of a Dask cluster. Results are the same to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any, Protocol

from joblib import Parallel, cpu_count, delayed

from schemas.errors import ConfigurationError
from training.learning.encoded_table import EncodedTable
from training.learning.threads import one_core, one_thread_each

START_SECONDS = 30
_LOST_TABLES = 3
"""How often a step may lose the cluster's only copy of the table before the training fails."""


class Unit(Protocol):
    """A unit of work, which depends on the table and on its own fields alone."""

    def run(self, table: EncodedTable) -> Any:
        """Do the work."""
        ...


class Engine(Protocol):
    """Runs units of work on one table."""

    def run(self, units: Sequence[Any], on_done: Callable[[int], None]) -> list[Any]:
        """Run units, in parallel where possible.

        Args:
            units: in any order.
            on_done: called with the position of each unit that is done.

        Returns:
            The results, in the order of the units.
        """
        ...


class ThreadEngine:
    """Runs units on threads of this process.

    Args:
        table: that the units work on.
        n_jobs: number of threads; 0 for the number of cores.
    """

    def __init__(self, table: EncodedTable, n_jobs: int = 0) -> None:
        self._table = table
        self._jobs = n_jobs or cpu_count()

    def run(self, units: Sequence[Any], on_done: Callable[[int], None]) -> list[Any]:
        """As `Engine.run`."""
        results: list[Any] = []
        with one_thread_each():
            parallel = Parallel(n_jobs=min(self._jobs, len(units)) or 1, prefer="threads", return_as="generator")
            for result in parallel(delayed(run_unit)(unit, self._table) for unit in units):
                on_done(len(results))
                results.append(result)
        return results


class DaskEngine:
    """Runs units on the workers of a Dask cluster; units of a worker that dies run again on another.

    Each worker gets the table once. Dask later keeps one copy of it, and where the worker that has it dies, the table
    is sent again.

    Args:
        table: that the units work on.
        client: connected to the cluster.
    """

    def __init__(self, table: EncodedTable, client: Any) -> None:
        self._client = client
        self._table = table
        self._sent = self._send()

    def run(self, units: Sequence[Any], on_done: Callable[[int], None]) -> list[Any]:
        """As `Engine.run`."""
        results: dict[int, Any] = {}
        for is_last in (*[False] * _LOST_TABLES, True):
            try:
                self._run_missing(units, results, on_done)
                break
            except CancelledError:
                if is_last:
                    raise
                self._sent = self._send()
        return [results[position] for position in range(len(units))]

    def _run_missing(self, units: Sequence[Any], results: dict[int, Any], on_done: Callable[[int], None]) -> None:
        from distributed import as_completed

        completed: Any = as_completed

        # `pure` would take two equal units for one; the results are the same either way
        missing = [position for position in range(len(units)) if position not in results]
        futures = {
            self._client.submit(run_unit, units[position], self._sent, pure=False, retries=2): position
            for position in missing
        }
        with self._client.as_current():
            for future in completed(futures):
                results[futures[future]] = future.result()
                on_done(futures[future])

    def _send(self) -> Any:
        return self._client.scatter(self._table, broadcast=True, hash=False)


def run_unit(unit: Unit, table: EncodedTable) -> Any:
    """Run a unit on one core."""
    with one_core():
        return unit.run(table)


@contextmanager
def open_engine(table: EncodedTable, n_jobs: int = 0, dask: str | None = None) -> Iterator[Engine]:
    """An engine for a table.

    Args:
        table: that the units work on.
        n_jobs: number of threads; 0 for the number of cores.
        dask: address of a scheduler, such as ``tcp://10.0.0.5:8786``; None for threads of this process.

    Raises:
        ConfigurationError: the cluster does not answer, or Dask is not installed.
    """
    if dask is None:
        yield ThreadEngine(table, n_jobs)
        return
    try:
        from distributed import Client
    except ImportError as error:
        message = f"TASADOR_DASK is {dask}, but Dask is not installed: pip install tasador[dask]"
        raise ConfigurationError(message) from error
    try:
        connect: Any = Client
        client = connect(dask, timeout=START_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ConfigurationError(f"TASADOR_DASK is {dask}, which does not answer: {error}") from error
    with client:
        yield DaskEngine(table, client)
