"""Stores and reads the gate's report on a version: the report in the version's run, its status in tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from registry import tracking
from registry.runs import read_json
from registry.store import Registry
from registry.versions import ADMITTED_TAG, FORCED_BY_TAG, FORCED_TAG, REGISTERED, STATUS_TAG, ModelVersionInfo

GATE_REPORT_FILE = "gate.json"


def store_gate_report(
    registry: Registry,
    info: ModelVersionInfo,
    status: str,
    report: Mapping[str, Any],
    *,
    admitted_at: str = "",
    forced_by: str = "",
    forced_because: str = "",
) -> None:
    """Store the gate's report on a version, in place of an earlier one.

    Args:
        registry: where the version is registered.
        info: the version.
        status: the outcome in a word.
        report: the whole report.
        admitted_at: when the gate admitted the version as champion; empty keeps an earlier value.
        forced_by: the operator who overrode the gate, if one did.
        forced_because: the operator's reason.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    tags = {STATUS_TAG: status, FORCED_BY_TAG: forced_by, FORCED_TAG: forced_because}
    if admitted_at:
        tags[ADMITTED_TAG] = admitted_at
    with tracking.translated_errors(registry.tracking_uri):
        registry.client.log_text(info.run_id, json.dumps(report, indent=2), GATE_REPORT_FILE)
        registry.client.set_tag(info.run_id, STATUS_TAG, status)
    # last, because these tags decide what may serve
    registry.set_tags(info.version, tags)


def read_gate_report(registry: Registry, info: ModelVersionInfo) -> dict[str, Any] | None:
    """The gate's last report on a version; None if there is none.

    Raises:
        RegistryUnavailableError: MLflow does not answer, or has lost the report.
    """
    if info.status in {REGISTERED, ""}:
        return None
    report: dict[str, Any] = read_json(registry.client, registry.tracking_uri, info.run_id, GATE_REPORT_FILE)
    return report
