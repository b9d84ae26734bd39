"""The versions of a domain and the gate's reports on them. MLflow is imported in child processes alone."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from registry.catalogue import versions_with_metrics
from registry.gate_reports import read_gate_report
from registry.location import database_of, tracking_uri_of
from registry.sqlite_store import read_versions
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.settings import Settings

Answer = TypeVar("Answer")


class ModelCatalogue:
    """Reads the registry for pages.

    Args:
        settings: of the domain.
    """

    def __init__(self, settings: Settings) -> None:
        self._uri = tracking_uri_of(settings)
        self._name = settings.domain

    async def versions(self) -> list[ModelVersionInfo]:
        """All versions with their metrics, newest first.

        Raises:
            RegistryUnavailableError: MLflow does not answer.
        """
        database = database_of(self._uri)
        if database is not None and not database.exists():
            return []  # MLflow would create it, and a training process may be doing so
        read = await asyncio.to_thread(read_versions, self._uri, self._name)
        return await _in_child(_versions, self._uri, self._name) if read is None else read

    async def gate_report(self, version: str) -> dict[str, Any] | None:
        """The gate's last report on a version; None if there is none.

        Raises:
            ModelNotFoundError: there is no such version.
            RegistryUnavailableError: MLflow does not answer, or has lost the report.
        """
        return await _in_child(_gate_report, self._uri, self._name, version)


def _versions(uri: str, name: str) -> list[ModelVersionInfo]:
    return versions_with_metrics(Registry(uri, name))


def _gate_report(uri: str, name: str, version: str) -> dict[str, Any] | None:
    registry = Registry(uri, name)
    return read_gate_report(registry, registry.resolve(version=version))


async def _in_child(read: Callable[..., Answer], *arguments: str) -> Answer:
    """Call a function in a process of its own, which ends with its memory afterwards."""
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, read, *arguments)
    finally:
        pool.shutdown(wait=False)
