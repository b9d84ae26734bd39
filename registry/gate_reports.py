"""Stores and reads the gate's report on a version: the report in the version's run, its status in tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from registry import tracking
from registry.decisions import Decision
from registry.runs import read_json
from registry.store import Registry
from registry.versions import ADMITTED_TAG, FORCED_BY_TAG, FORCED_TAG, REGISTERED, STATUS_TAG, ModelVersionInfo

GATE_REPORT_FILE = "gate.json"


def store_gate_report(
    registry: Registry,
    info: ModelVersionInfo,
    report: Mapping[str, Any],
    decision: Decision,
    *,
    is_admitted: bool,
) -> None:
    """Store the gate's report on a version, in place of an earlier one, and its decision beside earlier ones.

    Who overrode the gate, and why, stays until the gate is overridden once more.

    Args:
        registry: where the version is registered.
        info: the version.
        report: the whole report.
        decision: the report's outcome, and who asked for it.
        is_admitted: whether the version may be champion from now on; it keeps an earlier admission.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    status = decision.verdict
    tags = {STATUS_TAG: status} | decision.as_tag()
    if status == "forced":
        tags |= {FORCED_BY_TAG: decision.requester.actor, FORCED_TAG: decision.reason}
    if is_admitted:
        tags[ADMITTED_TAG] = decision.time
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
