"""The history of a domain's models, newest first: from Redis, and from the registry what no command did."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import islice

import redis
from pydantic import ValidationError

from registry.decisions import decisions_in
from registry.store import Registry
from registry.versions import CAUSE_TAG, TRAINED_BY_TAG, TRIGGER_TAG, ModelVersionInfo
from schemas.history import Change
from schemas.streams import DATA_FIELD, Streams
from transport.reading import scan_back

_BY_COMMAND = "command"


def recorded_changes(client: redis.Redis, streams: Streams) -> Iterator[Change]:
    """The records of the training workers, newest first.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    for _, fields in scan_back(client, streams.history):
        try:
            yield Change.model_validate_json(fields.get(DATA_FIELD, b""))
        except ValidationError:
            continue  # written by a client: only records of the workers count


def registered_changes(registry: Registry, known: Collection[str]) -> list[Change]:
    """What the registry knows besides: trainings and decisions without a command, newest first.

    Args:
        registry: of the domain.
        known: ids of commands and decisions that are recorded already.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    changes = [change for info in registry.versions() for change in _changes_of(info, known)]
    return sorted(changes, key=lambda change: change.time, reverse=True)


def merge_changes(recorded: list[Change], registered: list[Change], limit: int) -> list[Change]:
    """Both, newest first, at most `limit`."""
    merged = heapq.merge(recorded, registered, key=lambda change: change.time, reverse=True)
    return list(islice(merged, limit))


def _changes_of(info: ModelVersionInfo, known: Collection[str]) -> Iterator[Change]:
    if info.trained_at and info.tags.get(TRIGGER_TAG) != _BY_COMMAND:
        yield Change.model_validate(
            {
                "time": datetime.fromisoformat(info.trained_at),
                "deed": "train",
                "result": "registered",
                "actor": info.tags.get(TRAINED_BY_TAG, "unknown"),
                "cause": info.tags.get(CAUSE_TAG),
                "version": info.version,
            }
        )
    for decision in decisions_in(info.tags):
        if decision.requester.id in known:
            continue
        yield Change.model_validate(
            {
                "time": datetime.fromisoformat(decision.time),
                "deed": "stage" if decision.stage == "Staging" else "promote" if decision.stage else "reload",
                "result": decision.verdict,
                "actor": decision.requester.actor,
                "command_id": decision.requester.id,
                "is_forced": decision.verdict in {"forced", "activated"},
                "reason": decision.reason,
                "version": info.version,
            }
        )
