"""Which versions pass the gate, with real models in a real registry."""

from __future__ import annotations

import re
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.decisions import Requester, decisions_in
from registry.gate_reports import read_gate_report
from registry.stages import PREVIOUS_CHAMPION, Stage
from registry.store import Registry
from registry.versions import ADMITTED_TAG, FOLDS_TAG
from schemas.errors import ModelNotFoundError, RegistryUnavailableError
from schemas.rollout_report import ArmFigures, RolloutReport, RolloutVerdict
from schemas.sections import TrainingSettings
from schemas.settings import Settings
from tests.models import US_PER_ROW, SmallModel, fitted, register, table_of
from tests.training.gate.conftest import BARE, CHAMPION, EQUAL, WORSE
from training.gate import champion_comparison
from training.gate.judging import Gate
from training.gate.report import GateReport, Override
from training.learning.folding import FoldResult, cross_validate

COMPARED = {"gain", "folds_won", "lower_bound", "segments", "width"}


def failed(report: GateReport) -> set[str]:
    return {check.name for check in report.failed}


def test_a_better_model_passes_and_every_check_has_its_reason(gate: Gate, registry: Registry) -> None:
    registry.set_champion(WORSE)
    report = gate.admit(CHAMPION)
    assert report.status == "passed", str(report)
    assert [check.name for check in report.checks] == [
        "digest", "signature", "versions", "allow_list", "golden_rows", "cost",
        "rows", "skill", "rmse", "r2", "bias", "gain", "folds_won", "lower_bound", "width", "segments",
    ]  # fmt: skip
    assert all(check.reason for check in report.checks)
    assert registry.resolve().version == CHAMPION
    info = registry.resolve(version=CHAMPION)
    assert (info.status, info.is_admitted) == ("passed", True)
    assert read_gate_report(registry, info) == report.model_dump(mode="json")
    assert registry.client.get_run(info.run_id).data.tags["validation_status"] == "passed"


def _rollout(version: str, champion: str, verdict: RolloutVerdict) -> RolloutReport:
    arms = ArmFigures(arm="champion", version=champion), ArmFigures(arm="challenger", version=version)
    return RolloutReport(
        rollout="1-0", time=datetime.now(UTC), mode="canary", share=0.5, version=version, champion=champion, arms=arms,
        guardrails=(), verdict=verdict,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("word", "outcome"), [("better", "passed"), ("same", "passed"), ("undecided", "passed"), ("worse", "failed")]
)
def test_outcomes_of_the_rollout_are_a_check_of_their_own(
    gate: Gate, registry: Registry, word: Any, outcome: str
) -> None:
    registry.set_champion(WORSE)
    verdict = RolloutVerdict(verdict=word, gain=0.05, low=-0.01, high=0.1, outcomes=400, units=400)
    report = gate.judge(CHAMPION, rollout=_rollout(CHAMPION, WORSE, verdict))
    check = next(check for check in report.checks if check.name == "outcomes")
    assert (check.outcome, report.is_open) == (outcome, outcome == "passed")
    assert check.reason == f"{word} by 400 outcomes of the rollout: gain 5 % (-1 to 10 %); must not be worse"


def test_outcomes_of_another_rollout_or_missing_ones_do_not_count(gate: Gate, registry: Registry) -> None:
    registry.set_champion(WORSE)
    worse = RolloutVerdict(verdict="worse", gain=-0.05, low=-0.1, high=-0.01, outcomes=400)
    other = gate.judge(CHAMPION, rollout=_rollout(EQUAL, WORSE, worse))
    assert "outcomes" not in {check.name for check in other.checks}
    withheld = RolloutVerdict(withheld="outcomes are missing unevenly")
    for verdict in (RolloutVerdict(), withheld):
        report = gate.judge(CHAMPION, rollout=_rollout(CHAMPION, WORSE, verdict))
        assert next(check.outcome for check in report.checks if check.name == "outcomes") == "skipped"
        assert report.is_open


def test_a_worse_model_does_not_pass(gate: Gate, registry: Registry) -> None:
    report = gate.admit(WORSE)
    assert failed(report) >= {"gain", "folds_won", "segments"}
    assert (report.status, report.champion, report.reason) == ("failed", CHAMPION, "gate")
    assert "did not pass the gate against champion 2, compared in the same folds, 506 rows: gain: " in str(report)
    gain = next(check.reason for check in report.checks if check.name == "gain")
    assert re.fullmatch(
        r"\d+\.\d+ % worse than the champion \(rmse \S+ against \S+\); must be at least 1 % better", gain
    )
    assert registry.resolve().version == CHAMPION
    assert registry.resolve(version=WORSE).status == "failed"
    assert not registry.resolve(version=WORSE).is_admitted


def test_a_tie_keeps_the_champion(gate: Gate, registry: Registry) -> None:
    report = gate.admit(EQUAL)
    assert failed(report) == {"gain", "folds_won"}
    assert registry.resolve().version == CHAMPION


def test_a_version_without_figures_does_not_pass(gate: Gate, registry: Registry) -> None:
    report = gate.admit(BARE)
    assert failed(report) == {"rows", "limits"} | COMPARED
    assert "has no fold record" in str(report)
    assert registry.resolve().version == CHAMPION


def test_a_fold_record_that_was_changed_does_not_pass(gate: Gate, registry: Registry) -> None:
    registry.set_champion(WORSE)
    registry.set_tags(CHAMPION, {FOLDS_TAG: "0" * 64})
    report = gate.admit(CHAMPION)
    assert "has been changed" in str(report)
    assert registry.resolve().version == WORSE


def test_no_version_passes_while_the_registry_does_not_answer(settings: Settings, small_model: SmallModel) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        unreachable = Registry(f"http://127.0.0.1:{free.getsockname()[1]}", "housing")
    with pytest.raises(RegistryUnavailableError):
        Gate(unreachable, small_model.domain, settings).admit("1")


def test_an_unknown_version_raises_an_error(gate: Gate) -> None:
    with pytest.raises(ModelNotFoundError):
        gate.admit("99")


def test_without_a_champion_only_absolute_limits_apply(gate: Gate, registry: Registry) -> None:
    registry.delete_alias("champion")
    small = gate.admit("1")
    assert failed(small) >= {"rmse", "r2"}
    assert not {check.name for check in small.checks} & COMPARED
    with pytest.raises(ModelNotFoundError):
        registry.resolve()
    assert gate.admit(WORSE).status == "passed"
    assert registry.resolve().version == WORSE


def test_a_forced_promotion_is_stored_with_actor_and_reason(gate: Gate, registry: Registry) -> None:
    report = gate.admit(WORSE, Override(actor="ada@home", reason="the better one leaks"))
    assert report.status == "forced"
    assert "forced by ada@home: the better one leaks" in str(report)
    info = registry.resolve()
    assert (info.version, info.status) == (WORSE, "forced")
    assert (info.tags["forced_by"], info.tags["forced_because"]) == ("ada@home", "the better one leaks")
    assert registry.resolve(alias=PREVIOUS_CHAMPION).version == CHAMPION
    again = gate.judge(WORSE)
    assert again.status == "passed", "the champion itself is only loaded"
    assert registry.resolve().status == "forced", "the stored verdict stays"


def test_force_does_not_promote_a_version_that_cannot_be_loaded(gate: Gate, registry: Registry) -> None:
    registry.set_tags(EQUAL, {"artifact_sha256": "0" * 64})
    report = gate.admit(EQUAL, Override(actor="ada@home", reason="hurry"))
    assert (report.status, report.reason) == ("failed", "digest")
    assert registry.resolve().version == CHAMPION


def _with_limit(gate: Gate, max_us_per_row: float) -> Gate:
    swap = gate.settings.swap.model_copy(update={"max_us_per_row": max_us_per_row})
    return Gate(gate.registry, gate.domain, gate.settings.model_copy(update={"swap": swap}))


def test_the_cost_measured_in_training_decides_and_force_does_not_override_it(gate: Gate) -> None:
    force = Override(actor="ada@home", reason="hurry")
    report = _with_limit(gate, US_PER_ROW * 0.99).judge(EQUAL, override=force)
    assert (report.status, report.reason) == ("failed", "cost")
    assert "2 µs a row in training; must be at most 1.98 (swap.max_us_per_row)" in str(report)
    assert _with_limit(gate, US_PER_ROW).judge(EQUAL, override=force).is_open


def test_a_version_without_a_measured_cost_does_not_pass(
    gate: Gate, registry: Registry, small_model: SmallModel
) -> None:
    table = table_of("housing")
    info = register(registry, fitted(table), table, us_per_row=None)
    report = gate.judge(info.version, override=Override(actor="ada@home", reason="hurry"))
    assert (report.status, report.reason) == ("failed", "cost")


def test_the_cost_of_the_champion_and_of_a_former_champion_is_not_checked_again(gate: Gate, registry: Registry) -> None:
    assert gate.admit(EQUAL, Override(actor="ada@home", reason="test")).is_open
    stricter = _with_limit(gate, 1e-6)
    assert stricter.judge(EQUAL).is_open
    registry.set_tags(CHAMPION, {ADMITTED_TAG: "2026-11-01T00:00:00+00:00"})
    assert stricter.judge_rollback(CHAMPION).is_open


def test_for_staging_a_version_is_not_compared_with_the_champion(gate: Gate, registry: Registry) -> None:
    report = gate.judge(WORSE, Stage.STAGING)
    assert report.status == "staged"
    assert not {check.name for check in report.checks} & COMPARED
    assert not registry.resolve(version=WORSE).is_admitted, "only the gate for Production admits a version"
    assert gate.judge("1", Stage.STAGING).status == "failed"


def test_a_rollback_checks_only_loading_and_leaves_the_verdict_of_the_admission(gate: Gate, registry: Registry) -> None:
    assert gate.admit(WORSE, Override(actor="ada@home", reason="test")).is_open
    back = gate.judge_rollback(WORSE)
    assert (back.status, failed(back)) == ("passed", set())
    info = registry.resolve(version=WORSE)
    assert (info.status, info.tags["forced_by"]) == ("forced", "ada@home")
    registry.set_tags(WORSE, {"artifact_sha256": "0" * 64})
    assert gate.judge_rollback(WORSE).reason == "digest"


def test_each_verdict_is_kept_with_who_asked_for_it(gate: Gate, registry: Registry) -> None:
    requester = Requester("ada@home", "command", "c-" + "1" * 254)
    gate.admit(WORSE, Override(actor="ada@home", reason="the better one leaks"), requester)
    registry.set_champion(CHAMPION)
    assert gate.judge(WORSE, requester=Requester("bob@home", "command", "c-2")).status == "failed"
    info = registry.resolve(version=WORSE)
    assert (info.status, info.tags["forced_by"], info.tags["forced_because"]) == (
        "failed",
        "ada@home",
        "the better one leaks",
    )
    kept = [(one.verdict, one.requester.actor, one.requester.id, one.reason) for one in decisions_in(info.tags)]
    assert kept == [("forced", "ada@home", requester.id, "the better one leaks"), ("failed", "bob@home", "c-2", "")]


def test_the_champions_recipe_is_fitted_again_on_other_rows(
    gate: Gate, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_of("housing")
    fewer = table.take(np.arange(100, 500))
    info = register(registry, fitted(fewer, "linear"), fewer, folds=5, admitted=False)
    refits: list[FoldResult] = []

    def recording(*arguments: object) -> FoldResult:
        refits.append(cross_validate(*arguments))  # type: ignore[arg-type]
        return refits[-1]

    monkeypatch.setattr(champion_comparison, "cross_validate", recording)
    assert failed(gate.judge(EQUAL)) == {"gain", "folds_won"}
    assert not refits, "on the same rows the champion's own record has its scores"
    report = gate.judge(info.version)
    assert failed(report) >= {"gain", "folds_won"}
    (champion,) = refits
    assert len(champion.out_of_fold) == 400
    assert f"against {champion.scores.mean():.4g})" in str(report)


def test_a_champion_that_another_metric_chose_is_compared_by_its_recipe(gate: Gate, registry: Registry) -> None:
    table = table_of("housing")
    by_mae = TrainingSettings(metric="mae")
    info = register(registry, fitted(table, "linear"), table, folds=5, admitted=False, training=by_mae)
    report = gate.judge(info.version)
    assert report.footing is not None
    assert (report.footing.how, report.footing.rows) == ("recipe", len(table))
    assert "(mae " in str(report)
    assert "cv_mae" in report.footing.champion_figures


def test_a_champion_that_cannot_be_loaded_fails_every_comparison(
    gate: Gate, registry: Registry, tmp_path: Path
) -> None:
    fewer = table_of("housing").take(np.arange(400))
    info = register(registry, fitted(fewer, "gradient-boosting", 80), fewer, folds=5, admitted=False)
    registry.set_tags(CHAMPION, {"artifact_sha256": "0" * 64})
    report = gate.admit(info.version)
    assert failed(report) == COMPARED
    assert "champion 2 cannot be evaluated on these rows: the stored model has been changed" in str(report)
    assert registry.resolve().version == CHAMPION
