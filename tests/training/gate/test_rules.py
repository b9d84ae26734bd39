"""Each rule passes and fails at its limit."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from schemas.domains.housing import Housing
from schemas.interval_settings import IntervalSettings
from schemas.quality_limits import QualityLimits
from schemas.sections import GateSettings, TrainingSettings
from tests.models import table_of
from training.gate.champion_comparison import ChampionComparison
from training.gate.record import FoldRecord
from training.gate.report import Check, Footing
from training.gate.rules import absolute_checks, at_least, at_most, comparison_checks, skill_check
from training.learning.folding import FoldResult, splits_of
from training.learning.metrics import metrics_of

GATE = GateSettings()
INTERVAL = IntervalSettings()


def record_with(errors: np.ndarray) -> FoldRecord:
    """A record of the Boston table whose predictions have these errors."""
    table = table_of("housing")
    splits = splits_of(table, TrainingSettings(folds=5, repeats=1))
    predicted = table.target + errors
    scores = [
        metrics_of(table.domain, table.target[validation], predicted[validation])["rmse"] for _, validation in splits
    ]
    return FoldRecord(table, splits, "rmse", np.array(scores), predicted)


def record_of_classes(metric: str, scores: np.ndarray) -> FoldRecord:
    """A record of obesity rows whose predictions are right, with these scores."""
    table = table_of("obesity")
    splits = splits_of(table, TrainingSettings(folds=5, repeats=1))
    probabilities = np.where(table.target[:, None] == np.array(table.domain.target.classes), 0.94, 0.01)
    return FoldRecord(table, splits, metric, scores, table.target, probabilities)


def folds_of(record: FoldRecord) -> FoldResult:
    return FoldResult(record.scores, record.out_of_fold, record.probabilities)


def alternating(size: float) -> np.ndarray:
    """Errors of one size with alternating signs, so that the bias is 0."""
    return size * np.where(np.arange(506) % 2 == 0, 1.0, -1.0)


def outcomes(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.outcome for check in checks}


def between(
    record: FoldRecord, champion: FoldResult, old_rows: tuple[float, float] | None = None
) -> ChampionComparison:
    return ChampionComparison(
        Footing(how="same_folds", rows=len(record.train), reason="a test"), record, champion, old_rows
    )


def against(record: FoldRecord, champion: FoldRecord, gate: GateSettings = GATE) -> dict[str, str]:
    return outcomes(comparison_checks(between(record, folds_of(champion)), gate, INTERVAL))


def test_good_figures_pass() -> None:
    checks = absolute_checks(record_with(alternating(3.0)), GATE)
    assert outcomes(checks) == dict.fromkeys(("rows", "skill", "rmse", "r2", "bias"), "passed")


def test_few_rows_large_errors_and_a_bias_fail() -> None:
    record = record_with(alternating(5.2))
    assert outcomes(absolute_checks(record, GATE.model_copy(update={"min_rows": 507})))["rows"] == "failed"
    assert outcomes(absolute_checks(record, GATE))["rmse"] == "failed"
    # 5 % of a standard deviation of 9.19 is 0.46
    assert outcomes(absolute_checks(record_with(alternating(1.0) + 0.4), GATE))["bias"] == "passed"
    assert outcomes(absolute_checks(record_with(alternating(1.0) - 0.5), GATE))["bias"] == "failed"


def test_a_domain_without_limits_is_checked_against_the_naive_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Housing, "limits", QualityLimits())
    checks = absolute_checks(record_with(alternating(6.0)), GATE)
    assert outcomes(checks) == dict.fromkeys(("rows", "skill", "bias"), "passed")
    assert outcomes(absolute_checks(record_with(alternating(9.1)), GATE))["skill"] == "failed"


def test_a_domains_own_number_of_rows_replaces_the_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    record = record_with(alternating(3.0))
    monkeypatch.setattr(Housing, "limits", QualityLimits(min_rows=507))
    assert outcomes(absolute_checks(record, GATE))["rows"] == "failed"
    monkeypatch.setattr(Housing, "limits", QualityLimits(min_rows=506))
    assert outcomes(absolute_checks(record, GATE.model_copy(update={"min_rows": 9999})))["rows"] == "passed"


def test_a_gain_on_the_naive_answer_from_one_fold_is_no_skill() -> None:
    record = record_with(alternating(9.0))
    lucky = replace(record, scores=record.scores - np.array([9.0, 0.0, 0.0, 0.0, 0.0]))
    check = skill_check(lucky, GATE)
    assert check.outcome == "failed"
    assert re.fullmatch(
        r"\d+\.\d+ % better than the naive answer \(rmse \S+ against \S+; interval -\S+ to \S+ %\); "
        r"must be at least 5 %, and above 0 %",
        check.reason,
    )


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), float("-inf")])
def test_a_missing_figure_never_passes(value: float | None) -> None:
    assert at_least("r2", value, 0.7).outcome == "failed"
    assert at_most("rmse", value, 5.0).outcome == "failed"


def test_a_record_with_missing_predictions_never_passes() -> None:
    errors = alternating(1.0)
    errors[7] = np.nan
    table = table_of("housing")
    whole = record_with(alternating(1.0))
    incomplete = replace(whole, out_of_fold=table.target + errors, scores=np.full(5, np.nan))
    assert outcomes(absolute_checks(incomplete, GATE)) == {
        "rows": "passed", "skill": "failed", "rmse": "failed", "r2": "failed", "bias": "failed",
    }  # fmt: skip
    assert set(against(incomplete, whole).values()) == {"failed"}
    assert set(against(replace(whole, scores=whole.scores[:3]), whole).values()) == {"failed"}


def test_a_gain_of_one_percent_passes_and_less_does_not() -> None:
    champion = record_with(alternating(3.0))
    assert set(against(record_with(alternating(2.96)), champion).values()) == {"passed"}
    assert against(record_with(alternating(2.98)), champion)["gain"] == "failed"
    assert against(champion, champion)["gain"] == "failed"


def test_a_gain_from_few_folds_does_not_pass() -> None:
    champion = record_with(alternating(3.0))
    _, first = champion.splits[0]
    errors = alternating(3.05)
    errors[first] = 0.5
    checks = against(record_with(errors), champion)
    assert checks["gain"] == "passed"
    assert checks["folds_won"] == "failed"
    assert checks["lower_bound"] == "failed", "the gain comes from a single fold"


def test_a_segment_that_gets_worse_fails() -> None:
    champion = record_with(alternating(3.0))
    by_the_river = (table_of("housing").frame["CHAS"] == 1).to_numpy()
    errors = np.where(by_the_river, alternating(3.4), alternating(2.5))
    checks = comparison_checks(between(record_with(errors), folds_of(champion)), GATE, INTERVAL)
    assert outcomes(checks)["segments"] == "failed"
    assert checks[-1].reason == "13.33 % worse than the champion in CHAS 1; must be at most 10 % worse"
    # 35 tracts are on the river
    assert (
        against(record_with(errors), champion, GATE.model_copy(update={"min_segment_rows": 36}))["segments"] == "passed"
    )


def test_the_gain_of_a_share_is_measured_in_what_it_lacks_to_1() -> None:
    champion, better = (record_of_classes("accuracy", np.full(5, score)) for score in (0.96, 0.964))
    checks = {check.name: check for check in comparison_checks(between(better, folds_of(champion)), GATE, INTERVAL)}
    assert checks["gain"].outcome == "passed", "0.4 % of the accuracy, 10 % of the errors"
    reason = "10 % better than the champion (accuracy 0.964 against 0.96); must be at least 1 % better"
    assert checks["gain"].reason == reason
    assert outcomes(absolute_checks(better, GATE)) == {"rows": "failed", "skill": "passed", "accuracy": "passed"}
    perfect = record_of_classes("accuracy", np.ones(5))
    assert outcomes(comparison_checks(between(better, folds_of(perfect)), GATE, INTERVAL))["gain"] == "failed"


def test_the_gain_of_a_log_loss_is_a_share_of_it() -> None:
    champion, better = (record_of_classes("log_loss", np.full(5, score)) for score in (0.5, 0.45))
    checks = {check.name: check for check in comparison_checks(between(better, folds_of(champion)), GATE, INTERVAL)}
    reason = "10 % better than the champion (log_loss 0.45 against 0.5); must be at least 1 % better"
    assert checks["gain"].reason == reason


@pytest.mark.parametrize(("domain", "old", "outcome"), [
    ("housing", (5.9, 3.0), "passed"),
    ("housing", (6.1, 3.0), "failed"),
    ("housing", (float("nan"), 3.0), "failed"),
    ("obesity", (0.93, 0.96), "passed"),
    ("obesity", (0.91, 0.96), "failed"),
])  # fmt: skip
def test_on_the_champions_own_rows_a_version_may_be_worse_up_to_a_limit(
    domain: str, old: tuple[float, float], outcome: str
) -> None:
    record = record_with(alternating(3.0)) if domain == "housing" else record_of_classes("accuracy", np.full(5, 0.9))
    checks = comparison_checks(between(record, folds_of(record), old), GATE, INTERVAL)
    assert outcomes(checks)["old_rows"] == outcome


def test_only_validation_rows_count_in_segments() -> None:
    champion = record_with(alternating(3.0))
    errors = np.where(np.arange(506) < 250, alternating(9.0), alternating(2.5))
    record = record_with(errors)
    late = tuple((train, validation[validation >= 250]) for train, validation in record.splits)
    folds = folds_of(champion)
    assert outcomes(comparison_checks(between(record, folds), GATE, INTERVAL))["segments"] == "failed"
    assert (
        outcomes(comparison_checks(between(replace(record, splits=late), folds), GATE, INTERVAL))["segments"]
        == "passed"
    )


def spread(width: float) -> np.ndarray:
    """Errors whose mean square is 9, of which a tenth and a bit are beyond the others: intervals are about `width`."""
    is_far = np.random.default_rng(1).random(506) < 0.13
    near = np.sqrt((9 - 0.13 * (width / 2) ** 2) / 0.87)
    return np.where(is_far, width / 2, near) * np.where(np.arange(506) % 2 == 0, 1.0, -1.0)


def test_a_version_as_accurate_but_less_sure_is_refused() -> None:
    champion, wider = record_with(alternating(3.0)), record_with(spread(9.0))
    assert against(champion, wider)["width"] == "passed", "narrower"
    checks = {check.name: check for check in comparison_checks(between(wider, folds_of(champion)), GATE, INTERVAL)}
    assert checks["width"].outcome == "failed"
    assert re.fullmatch(
        r"3\d\.\d+ % wider than the champion's \(mean width 8\.\d+ against 6\); must be at most 20 % wider",
        checks["width"].reason,
    )
    for changes, outcome in (({"max_wider": 0.6}, "passed"), ({"coverage": None}, "skipped")):
        changed = INTERVAL.model_copy(update=changes)
        assert outcomes(comparison_checks(between(wider, folds_of(champion)), GATE, changed))["width"] == outcome


def test_the_width_of_classes_is_the_size_of_their_prediction_sets() -> None:
    sure = record_of_classes("accuracy", np.full(5, 0.9))
    assert sure.probabilities is not None
    rng = np.random.default_rng(1)
    unsure = replace(sure, probabilities=rng.dirichlet(np.ones(sure.probabilities.shape[1]), len(sure.train)))
    assert against(sure, unsure)["width"] == "passed"
    assert against(unsure, sure)["width"] == "failed"
