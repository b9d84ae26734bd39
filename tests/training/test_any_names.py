"""Columns, categories, classes and targets with any text: trained, registered, loaded, scored, and shown."""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np
import pytest
from mlflow.utils.validation import _validate_metric_name
from prometheus_client import CollectorRegistry, generate_latest

from consumer.metrics import BatchFigures, ConsumerMetrics
from monitoring.drift.page import drift_page
from monitoring.drift.report import compare
from monitoring.monitor.drift_metrics import DriftMetrics
from monitoring.monitor.reference import StoredReference, load_reference
from registry.folder import expected_columns, prediction_column, read_reference
from registry.loading import load_scorer
from registry.location import tracking_uri_of
from registry.metric_names import metric_name
from registry.store import Registry
from schemas.drift import WindowSpan
from schemas.naming import free_name
from schemas.rows import RowBuilder
from schemas.sections import DriftSettings
from schemas.settings import Settings, load_settings
from tests.models import OPEN_GATE, OPEN_INTERVAL, made_up_rows
from tests.training.any_names import GRADES, LONG
from training.gate.judging import Gate
from training.quick import quick_settings
from training.run import train

pytestmark = pytest.mark.long

ROWS = 140


@pytest.mark.parametrize(
    ("name", "taken"),
    [("test_rmse", True), ("test_precision/two words", True), ("segment/é 1:2/rmse", True), ("a/b", True)]
    + [(name, False) for name in ("a+", "a/../b", "a/..", "a/", "/a", "a//b", "a\n", "", ".", "x" * 251, "😀")],
)
def test_mlflow_takes_every_name_of_a_metric_and_keeps_those_that_it_takes(name: str, taken: bool) -> None:
    assert (metric_name(name) == name) == taken
    _validate_metric_name(metric_name(name))  # type: ignore[no-untyped-call]
    assert 0 < len(metric_name(name)) <= 250


def test_names_that_differ_only_in_refused_characters_stay_apart_and_readable() -> None:
    names = [f"test_recall/{each}" for each in ("A+", "A*", "A_", "A#", "x" * 300 + "a", "x" * 300 + "b", "..", "...")]
    written = [metric_name(name) for name in names]
    assert len(set(written)) == len({each.lower() for each in written}) == len(names)
    assert written[0].startswith("test_recall/A_.")
    assert written[2] == "test_recall/A_"


def test_a_further_column_has_a_name_of_its_own() -> None:
    assert free_name("prediction", ["area"]) == "prediction"
    assert free_name("prediction", ["prediction", "prediction_"]) == "prediction__"
    assert expected_columns(["expected"], []) == ["expected_"]
    assert expected_columns(["expected:A", "expected"], ["A", "B"]) == ["expected_:A", "expected_:B"]


def _settings(tmp_path: Path, name: str, contract: str) -> Settings:
    params = tmp_path / "params.yaml"
    path = f"tests.training.any_names:{contract}"
    params.write_text(json.dumps({"domain": name, "home": str(tmp_path / "home"), "domains": {name: {"path": path}}}))
    quick = quick_settings(load_settings(params))
    swap = quick.swap.model_copy(update={"max_us_per_row": 1000.0})
    training = quick.training.model_copy(update={"folds": 2, "golden_rows": 8})
    return quick.model_copy(update={"swap": swap, "training": training, "gate": OPEN_GATE, "interval": OPEN_INTERVAL})


@pytest.mark.parametrize(
    ("name", "contract", "models"),
    [("grades", "Grades", ["xgboost", "linear"]), ("prices", "Prices", ["xgboost", "linear"])],
)
def test_a_domain_with_any_names_trains_registers_scores_and_shows(
    tmp_path: Path, name: str, contract: str, models: list[str]
) -> None:
    settings = _settings(tmp_path, name, contract)
    domain = settings.load_domain()
    rows = made_up_rows(domain, ROWS)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    result = train(settings, tmp_path / "rows.csv", models, reports=tmp_path / "reports")
    assert (result.is_champion, result.rows, result.problems) == (True, ROWS, ())

    registry = Registry(tracking_uri_of(settings), name)
    champion = registry.resolve()
    assert {metric_name(key): value for key, value in result.metrics.items()}.items() <= champion.metrics.items()
    categories = domain.feature("utm__source").categories
    segments = [key for key in champion.metrics if key.startswith("segment/utm__source")]
    if domain.segments[0].column == "utm__source":
        assert len(segments) == 2 * len(categories)

    scorer = load_scorer(Path(champion.uri), domain)
    matrix = RowBuilder(domain).matrix_of_frame(rows)
    scores = scorer.score(matrix)
    assert scores.shape == ((ROWS, len(GRADES)) if domain.target.classes else (ROWS,))
    assert np.isfinite(scores).all()

    # the column named `prediction` is the feature, and the predictions have a column of their own
    stored = read_reference(Path(champion.uri))
    assert prediction_column(domain) == "prediction_"
    assert set(stored["prediction"]) <= set(rows["prediction"])
    assert set(stored["index"].dropna()) <= set(rows["index"])

    page = (tmp_path / "reports" / name / "report.html").read_text(encoding="utf-8")
    assert html.escape(domain.target.name, quote=False).replace('"', "&#34;") in page
    for grade in domain.target.classes:
        assert html.escape(f"recall/{grade}", quote=False).replace('"', "&#34;") in page
    assert Gate(registry, domain, settings).admit(result.version).is_open

    desired = champion.desired("1-0")
    reference = load_reference(domain, desired, lambda _: StoredReference(stored))
    columns = [*reference.columns, reference.outcomes]
    names = [column.name for column in columns]
    assert len(names) == len(set(names)) == len(domain.columns) + 2
    limits = DriftSettings(min_rows=50, windows=1, needed=1)
    report = compare(columns, [columns], [WindowSpan(rows=len(stored))], limits)
    assert report.verdict == "no_drift"
    assert drift_page(report).count("<article") == len(names)

    metrics = CollectorRegistry()
    DriftMetrics(metrics).record_report(report, at_s=1.0)
    kinds = dict.fromkeys(domain.target.classes or ("usual",), 2)
    counts = dict.fromkeys(domain.columns, 1)
    figures = BatchFigures([b"1-0"], 1, 1, imputed=counts, unusual=counts, kinds=kinds)
    ConsumerMetrics(domain, "a1", metrics).record_batch(figures)
    generate_latest(metrics)
    read = metrics.get_sample_value
    assert all(read("tasador_drift_verdict", {"column": each, "verdict": "no_drift"}) == 1 for each in names)
    assert all(read("tasador_predictions_total", {"kind": kind}) == 2 for kind in kinds)
    assert all(read("tasador_imputed_values_total", {"feature": each}) == 1 for each in domain.columns)
    assert LONG in domain.feature("remainder").categories
