"""Drift metrics of a report, without a monitor."""

from __future__ import annotations

import numpy as np
import pandas as pd
from prometheus_client import CollectorRegistry

from monitoring import drift_report
from monitoring.monitor.drift_metrics import DriftMetrics

ROWS = 1000


def test_a_column_with_too_few_values_is_shown_as_such_and_the_whole_is_decided() -> None:
    filled = np.arange(ROWS) < 25
    table = pd.DataFrame({"area": np.arange(ROWS) * 1.0, "discount": np.where(filled, 5.0, np.nan)})
    registry = CollectorRegistry()
    DriftMetrics(registry).record_report(drift_report(table, table), at_s=1.0)

    def verdicts(name: str, **labels: str) -> dict[str, float | None]:
        every = ("no_drift", "drift", "not_enough_rows", "too_few")
        return {each: registry.get_sample_value(name, labels | {"verdict": each}) for each in every}

    assert verdicts("tasador_drift_verdict", column="area") == {
        "no_drift": 1,
        "drift": 0,
        "not_enough_rows": 0,
        "too_few": 0,
    }
    assert verdicts("tasador_drift_verdict", column="discount") == {
        "no_drift": 0,
        "drift": 0,
        "not_enough_rows": 0,
        "too_few": 1,
    }
    assert verdicts("tasador_drift_state")["no_drift"] == 1
    # no verdict over all columns is `too_few`
    assert verdicts("tasador_drift_state")["too_few"] is None
