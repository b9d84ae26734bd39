"""Reads what an SQLite store of MLflow holds without importing MLflow, which takes two seconds.

Its tables are no interface of MLflow, so they are read only at the one revision for which a test compares this module
with MLflow's client. Everything else, and every write, goes through `registry.store`.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from registry.location import database_of, local_path_of
from registry.versions import ModelVersionInfo, info_of

REVISION = "dc11669786a5"
"""The last migration of MLflow 3.17's store."""

_WORKSPACE = "default"
_VERSIONS = """
SELECT version, run_id, coalesce(storage_location, source) FROM model_versions
WHERE workspace = ? AND name = ? AND current_stage != 'Deleted_Internal' ORDER BY version DESC
"""
_TAGS = "SELECT version, key, value FROM model_version_tags WHERE workspace = ? AND name = ?"
_ALIASES = "SELECT alias, version FROM registered_model_aliases WHERE workspace = ? AND name = ?"
_METRICS = """
SELECT run_uuid, key, CASE is_nan WHEN 1 THEN NULL ELSE value END FROM latest_metrics
WHERE run_uuid IN (SELECT run_id FROM model_versions WHERE workspace = ? AND name = ?)
"""
_MODELS = "SELECT name FROM registered_models WHERE workspace = ? ORDER BY name"


@dataclass(frozen=True, slots=True)
class _Record:
    name: str
    version: str
    run_id: str
    tags: dict[str, str]


def read_versions(tracking_uri: str, name: str) -> list[ModelVersionInfo] | None:
    """The versions of a model with the metrics of their runs, newest first.

    Returns:
        None if this is no SQLite store of the known revision: then MLflow must be asked.
    """
    found = _read(tracking_uri, name, _VERSIONS, _TAGS, _ALIASES, _METRICS)
    if found is None:
        return None
    versions, tags, aliases, metrics = found
    tags_of: dict[str, dict[str, str]] = defaultdict(dict)
    for version, key, value in tags:
        tags_of[str(version)][key] = value
    metrics_of: dict[str, dict[str, float]] = defaultdict(dict)
    for run_id, key, value in metrics:
        metrics_of[run_id][key] = float("nan") if value is None else value
    return [
        info_of(
            _Record(name, str(version), run_id or "", tags_of[str(version)]),
            _path(uri),
            dict(aliases),
            metrics_of[run_id],
        )
        for version, run_id, uri in versions
    ]


def read_model_names(tracking_uri: str) -> list[str] | None:
    """The names of all registered models; None as `read_versions`."""
    found = _read(tracking_uri, None, _MODELS)
    return None if found is None else [str(name) for (name,) in found[0]]


def _read(tracking_uri: str, name: str | None, *queries: str) -> list[list[Any]] | None:
    """The rows of each query, all of one moment."""
    database = database_of(tracking_uri)
    if database is None or not database.exists():
        return None
    values = (_WORKSPACE,) if name is None else (_WORKSPACE, name)
    try:
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as store:
            store.execute("BEGIN")
            if store.execute("SELECT version_num FROM alembic_version").fetchall() != [(REVISION,)]:
                return None
            return [store.execute(query, values).fetchall() for query in queries]
    except sqlite3.Error:
        return None  # MLflow says what is wrong


def _path(uri: str) -> str:
    local = local_path_of(uri)
    return uri if local is None else str(local.absolute())
