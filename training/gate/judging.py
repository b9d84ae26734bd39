"""The gate: judges a version by all checks, and stores the report with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from registry.decisions import Decision, Requester
from registry.gate_reports import store_gate_report
from registry.stages import Stage
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.rollout_report import RolloutReport
from schemas.settings import Settings
from training.evaluation.logged_report import complete_report
from training.gate.champion_comparison import ChampionComparer
from training.gate.fetching import fetch_record
from training.gate.loading import cost_check, loading_checks
from training.gate.outcomes import outcomes_check
from training.gate.record import FoldRecord
from training.gate.report import Check, Footing, GateReport, Override
from training.gate.rules import absolute_checks, comparison_checks

_ABSOLUTE = ("rows", "limits")
_COMPARED = ("gain", "folds_won", "lower_bound", "width", "segments")


@dataclass(frozen=True)
class Gate:
    """Judges versions of one domain.

    Args:
        registry: holds the versions.
        domain: the domain that they must fit.
        settings: the limits.
    """

    registry: Registry
    domain: Domain
    settings: Settings

    def judge(
        self,
        version: str,
        stage: Stage = Stage.PRODUCTION,
        override: Override | None = None,
        requester: Requester | None = None,
        rollout: RolloutReport | None = None,
    ) -> GateReport:
        """Judge a version, and store the report with it.

        For Production the version is compared with the champion (`training.gate.champion_comparison`). This can take
        as long as a training run, if the champion's recipe must be fitted again.

        Args:
            version: to judge.
            stage: to judge it for; for Staging it is not compared with the champion.
            override: the operator who forces the promotion, with the reason.
            requester: who asks, for the record of the decision.
            rollout: the last report on a rollout, whose outcomes count if it compared this version with the champion.

        Raises:
            ModelNotFoundError: there is no such version.
            RegistryUnavailableError: MLflow does not answer.
        """
        info = self.registry.resolve(version=version)
        champion = self.registry.find_champion() if stage is Stage.PRODUCTION else None
        checks, card = loading_checks(self.registry, info, self.domain)
        is_champion = champion is not None and champion.version == info.version
        if card is not None and not is_champion:
            checks.append(cost_check(card, self.settings.swap.max_us_per_row))
        footing: Footing | None = None
        # folds take long, so a version that cannot be loaded skips them
        if not is_champion and not any(check.outcome == "failed" for check in checks):
            fold_checks, footing = self._check_folds(info, champion)
            checks += fold_checks
        champion_version = champion.version if champion is not None else None
        if rollout is not None and (rollout.version, rollout.champion) == (info.version, champion_version):
            checks.append(outcomes_check(rollout.verdict))
        report = self._report(info, checks, stage, champion_version, override, footing)
        # the champion itself was only loaded: the report that admitted it stays
        return report if is_champion else self._store(info, report, requester or Requester())

    def admit(self, version: str, override: Override | None = None, requester: Requester | None = None) -> GateReport:
        """Judge a version and promote it if it passes; raises as `judge`."""
        report = self.judge(version, override=override, requester=requester)
        if report.is_open:
            self.registry.set_champion(version)
        return report

    def judge_rollback(self, version: str) -> GateReport:
        """Judge a version that answered before for a rollback: only whether it loads now.

        A rollback is an emergency measure, often for a fault that no figure shows. Its report is not stored: that of
        the version's admission stays.

        Raises:
            ModelNotFoundError: there is no such version.
            RegistryUnavailableError: MLflow does not answer.
        """
        info = self.registry.resolve(version=version)
        checks, _ = loading_checks(self.registry, info, self.domain)
        return self._report(info, checks, Stage.PRODUCTION, None, None)

    def _check_folds(
        self, info: ModelVersionInfo, champion: ModelVersionInfo | None
    ) -> tuple[list[Check], Footing | None]:
        gate = self.settings.gate
        try:
            record = self.read_record(info)
        except ModelRejectedError as error:
            return _all_failed(_ABSOLUTE + (_COMPARED if champion is not None else ()), str(error)), None
        checks = absolute_checks(record, gate)
        if champion is None:
            return checks, None
        try:
            comparison = ChampionComparer(self.registry, self.domain, gate, champion).compare(info, record)
        except ModelRejectedError as error:
            reason = f"champion {champion.version} cannot be evaluated on these rows: {error}"
            return checks + _all_failed(_COMPARED, reason), None
        return checks + comparison_checks(comparison, gate, self.settings.interval), comparison.footing_with_figures()

    def read_record(self, info: ModelVersionInfo) -> FoldRecord:
        """Download the fold record of a version; raises as `training.gate.fetching.fetch_record`."""
        return fetch_record(self.registry, info, self.domain)

    def _report(
        self,
        info: ModelVersionInfo,
        checks: list[Check],
        stage: Stage,
        champion: str | None,
        override: Override | None,
        footing: Footing | None = None,
    ) -> GateReport:
        return GateReport(
            domain=self.domain.name,
            version=info.version,
            stage=stage,
            champion=champion,
            footing=footing,
            checks=tuple(checks),
            override=override,
        )

    def _store(self, info: ModelVersionInfo, report: GateReport, requester: Requester) -> GateReport:
        complete_report(self.registry, info.run_id, {"gate": report.as_document()})
        reason = ""
        if report.override is not None and report.status == "forced":
            requester, reason = replace(requester, actor=report.override.actor), report.override.reason
        decision = Decision(report.time.isoformat(), report.status, report.stage.value, requester, reason)
        is_admitted = report.is_open and report.stage is Stage.PRODUCTION
        store_gate_report(self.registry, info, report.model_dump(mode="json"), decision, is_admitted=is_admitted)
        return report


def _all_failed(names: tuple[str, ...], reason: str) -> list[Check]:
    return [Check(name=name, outcome="failed", reason=reason) for name in names]
