"""The rules on figures, each at its limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from schemas.sections import GateSettings, TrainingSettings
from schemas.settings import Settings
from tests.models import table_of
from training.gate.contest import Contest
from training.gate.record import FoldRecord
from training.gate.report import Check, Footing
from training.gate.rules import absolute_checks, at_least, at_most, comparison_checks
from training.learning.folding import FoldResult, splits_of
from training.learning.metrics import metrics_of

GATE = GateSettings()


def record_with(errors: np.ndarray) -> FoldRecord:
    """A record of Boston whose predictions miss by so much."""
    table = table_of("housing")
    splits = splits_of(table, TrainingSettings(folds=5, repeats=1))
    predicted = table.target + errors
    scores = [metrics_of(table.domain, table.target[judge], predicted[judge])["rmse"] for _, judge in splits]
    return FoldRecord(table, splits, np.array(scores), predicted)


def alternating(size: float) -> np.ndarray:
    """Errors of one size that cancel out."""
    return size * np.where(np.arange(506) % 2 == 0, 1.0, -1.0)


def outcomes(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.outcome for check in checks}


def between(record: FoldRecord, theirs: FoldResult, old: tuple[float, float] | None = None) -> Contest:
    return Contest(Footing(how="same_folds", rows=len(record.learn), reason="a test"), record, theirs, old)


def against(record: FoldRecord, champion: FoldRecord, gate: GateSettings = GATE) -> dict[str, str]:
    return outcomes(comparison_checks(between(record, FoldResult(champion.scores, champion.out_of_fold)), gate))


def test_good_figures_pass() -> None:
    found = absolute_checks(record_with(alternating(3.0)), GATE)
    assert outcomes(found) == dict.fromkeys(("rows", "rmse", "r2", "bias"), "passed")


def test_few_rows_large_errors_and_a_bias_fail() -> None:
    record = record_with(alternating(5.2))
    few = replace(record, learn=record.learn.take(np.arange(150)), out_of_fold=record.out_of_fold[:150])
    assert outcomes(absolute_checks(few, GATE))["rows"] == "failed"
    assert outcomes(absolute_checks(record, GATE))["rmse"] == "failed"
    # 2 % of a mean of 22.5 is 0.45
    assert outcomes(absolute_checks(record_with(alternating(1.0) + 0.4), GATE))["bias"] == "passed"
    assert outcomes(absolute_checks(record_with(alternating(1.0) - 0.5), GATE))["bias"] == "failed"


def test_a_domain_without_a_limit_is_not_held_to_the_dollars_of_another() -> None:
    of_flats = GATE.model_copy(update={"max_rmse": {"flats": 5.0}})
    found = outcomes(absolute_checks(record_with(alternating(3.0)), of_flats))
    assert found["rmse"] == "skipped"
    assert found["r2"] == "passed"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), float("-inf")])
def test_a_missing_figure_never_passes(value: float | None) -> None:
    assert at_least("r2", value, 0.7).outcome == "failed"
    assert at_most("rmse", value, 5.0).outcome == "failed"


def test_a_record_with_holes_never_passes() -> None:
    errors = alternating(1.0)
    errors[7] = np.nan
    table = table_of("housing")
    whole = record_with(alternating(1.0))
    holed = replace(whole, out_of_fold=table.target + errors, scores=np.full(5, np.nan))
    assert outcomes(absolute_checks(holed, GATE)) == {
        "rows": "passed", "rmse": "failed", "r2": "failed", "bias": "failed",
    }  # fmt: skip
    assert set(against(holed, whole).values()) == {"failed"}
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
    found = against(record_with(errors), champion)
    assert found["gain"] == "passed"
    assert found["folds_won"] == "failed"
    assert found["lower_bound"] == "failed", "so uneven a gain is worth nothing"


def test_a_part_that_gets_worse_closes_the_gate() -> None:
    champion = record_with(alternating(3.0))
    by_the_river = (table_of("housing").frame["CHAS"] == 1).to_numpy()
    errors = np.where(by_the_river, alternating(3.4), alternating(2.5))
    checks = comparison_checks(between(record_with(errors), FoldResult(champion.scores, champion.out_of_fold)), GATE)
    assert outcomes(checks)["segments"] == "failed"
    assert "worse rmse in CHAS 1" in checks[-1].reason
    # 35 tracts bound the river
    assert (
        against(record_with(errors), champion, GATE.model_copy(update={"min_segment_rows": 36}))["segments"] == "passed"
    )


def test_classes_gain_on_the_errors_that_are_left() -> None:
    table = table_of("obesity")
    splits = splits_of(table, TrainingSettings(folds=5, repeats=1))
    scores = np.full(5, 0.96)
    champion, better = FoldResult(scores, table.target), FoldRecord(table, splits, scores + 0.004, table.target)
    found = {check.name: check for check in comparison_checks(between(better, champion), GATE)}
    assert found["gain"].outcome == "passed", "0.4 % of the accuracy, 10 % of the errors"
    assert found["gain"].reason.startswith("10 % of the champion's errors")
    assert outcomes(absolute_checks(better, GATE)) == {"rows": "failed", "accuracy": "passed"}
    perfect = FoldResult(np.ones(5), table.target)
    assert outcomes(comparison_checks(between(better, perfect), GATE))["gain"] == "failed"


@pytest.mark.parametrize(("domain", "old", "outcome"), [
    ("housing", (5.9, 3.0), "passed"),
    ("housing", (6.1, 3.0), "failed"),
    ("housing", (float("nan"), 3.0), "failed"),
    ("obesity", (0.93, 0.96), "passed"),
    ("obesity", (0.91, 0.96), "failed"),
])  # fmt: skip
def test_what_the_champion_knew_may_get_worse_but_not_be_forgotten(
    domain: str, old: tuple[float, float], outcome: str
) -> None:
    table = table_of(domain)
    splits = splits_of(table, TrainingSettings(folds=5, repeats=1))
    record = FoldRecord(table, splits, np.full(5, 0.9), table.target)
    checks = comparison_checks(between(record, FoldResult(np.full(5, 0.9), table.target), old), GATE)
    assert outcomes(checks)["old_rows"] == outcome


def test_only_rows_that_judge_count_among_the_parts() -> None:
    champion = record_with(alternating(3.0))
    errors = np.where(np.arange(506) < 250, alternating(9.0), alternating(2.5))
    ours = record_with(errors)
    late = tuple((learn, judge[judge >= 250]) for learn, judge in ours.splits)
    theirs = FoldResult(champion.scores, champion.out_of_fold)
    assert outcomes(comparison_checks(between(ours, theirs), GATE))["segments"] == "failed"
    assert outcomes(comparison_checks(between(replace(ours, splits=late), theirs), GATE))["segments"] == "passed"


def test_a_limit_can_be_taken_away_and_survives_the_way_to_a_training_process() -> None:
    settings = Settings(gate={"max_rmse": {"housing": None}})
    again = Settings(**settings.model_dump(mode="json"))
    assert outcomes(absolute_checks(record_with(alternating(5.2)), again.gate))["rmse"] == "skipped"
