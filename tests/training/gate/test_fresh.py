"""A retraining on newer rows is compared with the champion, as it serves now, on fresh rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from registry.scorer import score_of
from registry.store import Registry
from registry.versions import FOLDS_TAG
from schemas.domains.housing import Housing
from schemas.settings import Settings
from tests.models import fitted, fold_record, register, table_of
from training.data.tables import Table
from training.gate.fresh import fresh_splits, score_champion_rows
from training.gate.judging import Gate
from training.gate.report import GateReport

RECIPE, TREES = "gradient-boosting", 30
BASE = 404
"""Number of rows that the champion was trained on."""


@pytest.fixture
def base() -> Table:
    return table_of("housing").take(np.sort(np.random.default_rng(1).permutation(506)[:BASE]))


@pytest.fixture
def lenient(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings for tables that mix rows from before and after a change; the domain has a higher limit on rmse."""
    monkeypatch.setattr(Housing, "limits", replace(Housing.limits, max_rmse=6.0))
    return settings


def newer(count: int, *, rise: float = 0.0, seed: int = 2) -> tuple[pd.DataFrame, np.ndarray]:
    """Distinct listings like those of the Boston table, with prices risen by a share."""
    table, rng = table_of("housing"), np.random.default_rng(seed)
    drawn = table.take(rng.integers(0, len(table), count))
    frame = drawn.frame.reset_index(drop=True)
    for name in ("LSTAT", "CRIM", "NOX", "DIS", "RM"):
        frame[name] = frame[name] * rng.uniform(0.97, 1.03, count)
    frame["AGE"] = rng.uniform(1, 100, count)
    return frame, drawn.target * (1 + rise) + rng.normal(0, 1, count)


def extended(base: Table, rows: tuple[pd.DataFrame, np.ndarray]) -> Table:
    """A table with rows appended."""
    frame = pd.concat([base.frame, rows[0]], ignore_index=True)
    target = np.concatenate([base.target, rows[1]])
    return Table(base.domain, frame, target, np.arange(len(frame)), "a test")


def judge_later(registry: Registry, settings: Settings, base: Table, later: Table, recipe: str = RECIPE) -> GateReport:
    """Train a champion on `base`, and the same recipe on `later`; judge the second."""
    first = register(registry, fitted(base, recipe, TREES), base, folds=5)
    registry.set_champion(first.version)
    second = register(registry, fitted(later, recipe, TREES), later, folds=5, admitted=False)
    return Gate(registry, base.domain, settings).judge(second.version)


def failed(report: GateReport) -> set[str]:
    return {check.name for check in report.failed}


def test_the_same_recipe_trained_on_drifted_rows_passes(registry: Registry, lenient: Settings, base: Table) -> None:
    report = judge_later(registry, lenient, base, extended(base, newer(500, rise=0.25)))
    assert report.status == "passed", str(report)
    assert report.footing is not None
    assert (report.footing.how, report.footing.rows) == ("fresh_rows", 500)
    assert "500 rows are new to champion" in report.footing.reason
    assert "compared on fresh rows, 500 rows" in str(report)
    assert [check.name for check in report.checks][-1] == "old_rows"


def test_the_same_recipe_trained_on_more_rows_without_drift_does_not_pass(
    registry: Registry, settings: Settings, base: Table
) -> None:
    report = judge_later(registry, settings, base, extended(base, newer(400)), "linear")
    assert report.footing is not None
    assert report.footing.how == "fresh_rows"
    assert "gain" in failed(report), str(report)


def test_a_version_that_loses_the_champions_rows_does_not_pass(
    registry: Registry, lenient: Settings, base: Table
) -> None:
    frame, prices = newer(900)
    report = judge_later(registry, lenient, base, extended(base, (frame, 50 - prices)))
    assert "old_rows" in failed(report), str(report)
    assert "gain" not in failed(report)


@pytest.mark.parametrize("fresh", [0, 199])
def test_with_too_few_fresh_rows_the_champions_recipe_is_compared(
    registry: Registry, settings: Settings, base: Table, fresh: int
) -> None:
    later = extended(base, newer(fresh, rise=0.25)) if fresh else base.take(np.arange(399))
    report = judge_later(registry, settings, base, later, "linear")
    assert report.footing is not None
    assert (report.footing.how, report.footing.rows) == ("recipe", len(later))
    assert f"{fresh} rows are new to champion" in report.footing.reason
    assert "gain" in failed(report)


@pytest.mark.parametrize("tag", ["", "0" * 64])
def test_a_champion_without_a_fold_record_is_compared_by_its_recipe(
    registry: Registry, settings: Settings, base: Table, tag: str
) -> None:
    first = register(registry, fitted(base, "linear"), base, folds=5)
    registry.set_champion(first.version)
    registry.set_tags(first.version, {FOLDS_TAG: tag})
    later = extended(base, newer(300, rise=0.25))
    second = register(registry, fitted(later, "linear"), later, folds=5, admitted=False)
    report = Gate(registry, base.domain, settings).judge(second.version)
    assert report.footing is not None
    assert report.footing.how == "recipe"
    assert "fold record" in report.footing.reason
    assert "gain" in failed(report)


def test_fresh_rows_are_found_in_any_order_and_count_once(base: Table) -> None:
    frame, prices = newer(100)
    later = extended(base, (frame, prices))
    mixed = later.take(np.random.default_rng(3).permutation(len(later)))
    pipeline = fitted(base, "linear")
    splits = fresh_splits(fold_record(pipeline, mixed, 5), base)
    rows = np.concatenate([validation for _, validation in splits])
    assert sorted(mixed.positions[rows].tolist()) == list(range(BASE, BASE + 100))

    repeated = fold_record(pipeline, mixed, 5)
    repeated = replace(repeated, splits=repeated.splits * 2)
    assert len(fresh_splits(repeated, base)) == 5, "the first repetition is enough"


def test_a_repeated_listing_is_not_a_validation_row_of_a_fold_trained_on_it(base: Table) -> None:
    frame, prices = newer(200)
    twice = pd.concat([frame, frame], ignore_index=True), np.concatenate([prices, prices + 0.5])
    later = extended(base, twice)
    record = fold_record(fitted(base, "linear"), later, 5)
    features = pd.util.hash_pandas_object(later.frame, index=False).to_numpy()
    for train, validation in fresh_splits(record, base):
        assert not np.isin(features[validation], features[train[train >= BASE]]).any()


def test_fresh_rows_are_found_in_tables_with_categories() -> None:
    table = table_of("obesity")
    half = table.take(np.arange(70))
    record = fold_record(fitted(table, "random-forest", trees=2), table, folds=3)
    rows = np.concatenate([validation for _, validation in fresh_splits(record, half)])
    assert sorted(rows.tolist()) == list(range(70, 140))


def test_old_rows_are_predicted_by_models_that_have_not_seen_them(base: Table) -> None:
    """Rows shared with the champion count by the version's out-of-fold predictions, the others by its own."""
    kept, pipeline = base.take(np.arange(300)), fitted(base.take(np.arange(300)), "linear")
    record, champion = fold_record(pipeline, kept, 5), fold_record(fitted(base, "linear"), base, 5)
    version_rmse, champion_rmse = score_champion_rows(record, champion, score_of(pipeline, ()))
    predictions = np.concatenate([record.out_of_fold, pipeline.predict(base.frame.iloc[300:])])
    assert version_rmse == pytest.approx(np.sqrt(np.mean((predictions - base.target) ** 2)))
    assert champion_rmse == pytest.approx(np.sqrt(np.mean((champion.out_of_fold - base.target) ** 2)))
