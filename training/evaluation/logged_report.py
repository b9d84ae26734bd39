"""The report that MLflow keeps with a training run, and its completion when version and verdict are known.

A training writes its report before it registers a version, and the gate may judge the version again later. Each time
the page is written again, so that it always says the last verdict.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from registry import tracking
from registry.runs import MlflowRun, download_folder
from registry.store import Registry
from training.evaluation.reporting import update_report

logger = logging.getLogger(__name__)

REPORT_FOLDER = "report"
"""The folder of an MLflow run that holds the report."""


def complete_report(registry: Registry, run_id: str, facts: Mapping[str, Any]) -> None:
    """Write the logged report of a run again with new facts. A run without a report stays without one.

    Args:
        registry: whose MLflow has the run.
        run_id: of the run.
        facts: values for keys of the document, such as `version` and `gate`.

    Raises:
        RegistryUnavailableError: MLflow does not answer.
    """
    with tracking.translated_errors(registry.tracking_uri):
        if not registry.client.list_artifacts(run_id, REPORT_FOLDER):
            return
    with TemporaryDirectory(prefix="tasador-report-") as temporary:
        folder = download_folder(registry.client, registry.tracking_uri, run_id, REPORT_FOLDER, Path(temporary))
        try:
            update_report(folder, facts)
        except Exception:
            # a page that another version of Tasador wrote, or that was damaged, must not stop the gate
            logger.exception("the report of the run cannot be completed", extra={"run_id": run_id})
            return
        with tracking.translated_errors(registry.tracking_uri):
            MlflowRun(registry.client, run_id).log_folder(folder, REPORT_FOLDER)


def copy_report(registry: Registry, run_id: str, target: Path) -> None:
    """Copy the logged report of a run to a folder, replacing an earlier copy.

    Raises:
        RegistryUnavailableError: MLflow does not answer, or has no report of the run.
    """
    with TemporaryDirectory(prefix="tasador-report-") as temporary:
        folder = download_folder(registry.client, registry.tracking_uri, run_id, REPORT_FOLDER, Path(temporary))
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
