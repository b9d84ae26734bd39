"""What the gate said of a version, kept with it: the whole report in its run, the outcome in tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from registry import tracking
from registry.runs import read_json
from registry.store import Registry
from registry.versions import ADMITTED_TAG, FORCED_BY_TAG, FORCED_TAG, REGISTERED, STATUS_TAG, ModelVersionInfo

VERDICT_FILE = "gate.json"


def store_verdict(
    registry: Registry,
    found: ModelVersionInfo,
    status: str,
    report: Mapping[str, Any],
    *,
    admitted_at: str = "",
    forced_by: str = "",
    forced_because: str = "",
) -> None:
    """Keep a verdict with a version.

    Args:
        registry: where the version is registered.
        found: the version.
        status: the outcome in a word.
        report: the whole of it; replaces the one before.
        admitted_at: when the gate let the version become champion; what was noted before stays where this is empty.
        forced_by: who overrode the gate, if somebody did.
        forced_because: why.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    tags = {STATUS_TAG: status, FORCED_BY_TAG: forced_by, FORCED_TAG: forced_because}
    if admitted_at:
        tags[ADMITTED_TAG] = admitted_at
    with tracking.speaking_to(registry.tracking_uri):
        registry.client.log_text(found.run_id, json.dumps(report, indent=2), VERDICT_FILE)
        registry.client.set_tag(found.run_id, STATUS_TAG, status)
    # last: what may serve is decided by these
    registry.set_tags(found.version, tags)


def read_verdict(registry: Registry, found: ModelVersionInfo) -> dict[str, Any] | None:
    """The report of the gate's last verdict on a version; None where it has not been judged.

    Raises:
        RegistryUnavailableError: MLflow does not answer, or has lost the report.
    """
    if found.status in {REGISTERED, ""}:
        return None
    verdict: dict[str, Any] = read_json(registry.client, registry.tracking_uri, found.run_id, VERDICT_FILE)
    return verdict
