"""The gate itself: what it reads of two versions, and the report that it leaves with the one it judged."""

from __future__ import annotations

from dataclasses import dataclass

from registry.gate_reports import store_gate_report
from registry.stages import Stage
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.domain import Domain
from schemas.errors import ModelNotFoundError, ModelRejectedError
from schemas.settings import Settings
from training.gate.contest import Arranging
from training.gate.fetching import fetch_record
from training.gate.loading import cost_check, loading_checks
from training.gate.record import FoldRecord
from training.gate.report import Check, Footing, GateReport, Outcome, Override
from training.gate.rules import absolute_checks, comparison_checks

_ABSOLUTE = ("rows", "limits")
_COMPARED = ("gain", "folds_won", "lower_bound", "segments")


@dataclass(frozen=True)
class Gate:
    """Judges versions of one domain.

    Args:
        registry: where they are registered.
        domain: what they must be made for.
        settings: the limits.
    """

    registry: Registry
    domain: Domain
    settings: Settings

    def judge(self, version: str, stage: Stage = Stage.PRODUCTION, override: Override | None = None) -> GateReport:
        """Judge a version, and leave the report with it.

        For Production a version is compared with the champion on the same rows in the same folds, on one of the
        footings of `training.gate.contest`. Where the champion's recipe has to be fitted again in them, that takes as
        long as it takes.

        Args:
            version: that would like to pass.
            stage: that it is to reach; for Staging nobody is compared with anybody.
            override: who wants it to pass whatever is found, and why.

        Raises:
            ModelNotFoundError: there is no such version.
            RegistryUnavailableError: MLflow does not answer.
        """
        found = self.registry.resolve(version=version)
        champion = self._champion() if stage is Stage.PRODUCTION else None
        checks, card = loading_checks(self.registry, found, self.domain)
        is_champion = champion is not None and champion.version == found.version
        if card is not None and not is_champion:
            checks.append(cost_check(card, self.settings.swap.max_us_per_row))
        # what cannot be loaded is not worth the time that folds take
        footing: Footing | None = None
        if not is_champion and not _failed(checks):
            more, footing = self._by_folds(found, champion)
            checks += more
        against = champion.version if champion is not None else None
        report = self._report(found, checks, stage, against, override, footing)
        # of the champion nothing was asked but that it loads: what let it pass stays on record
        return report if is_champion else self._leave(found, report)

    def admit(self, version: str, override: Override | None = None) -> GateReport:
        """Judge a version and make it champion if it passes; raises as `judge`."""
        report = self.judge(version, override=override)
        if report.is_open:
            self.registry.set_champion(version)
        return report

    def judge_return(self, version: str) -> GateReport:
        """Judge a version that was champion before and shall be again: only whether it loads.

        The way back is an emergency exit. The version has passed once, and what is wrong with the champion is often
        not in any figure.

        Raises:
            ModelNotFoundError: there is no such version.
            RegistryUnavailableError: MLflow does not answer.
        """
        found = self.registry.resolve(version=version)
        checks, _ = loading_checks(self.registry, found, self.domain)
        outcome: Outcome = "passed" if found.is_admitted else "failed"
        reason = "the gate let it become champion before" if found.is_admitted else "the gate never let it pass"
        checks.append(Check(name="admitted", outcome=outcome, reason=reason, is_binding=True))
        return self._leave(found, self._report(found, checks, Stage.PRODUCTION, None, None))

    def _champion(self) -> ModelVersionInfo | None:
        try:
            return self.registry.resolve()
        except ModelNotFoundError:
            return None

    def _by_folds(
        self, found: ModelVersionInfo, champion: ModelVersionInfo | None
    ) -> tuple[list[Check], Footing | None]:
        gate = self.settings.gate
        try:
            record = self.read_record(found)
        except ModelRejectedError as error:
            return _all_failed(_ABSOLUTE + (_COMPARED if champion is not None else ()), str(error)), None
        checks = absolute_checks(record, gate)
        if champion is None:
            return checks, None
        try:
            contest = Arranging(self.registry, self.domain, gate, champion).contest(found, record)
        except ModelRejectedError as error:
            reason = f"champion {champion.version} cannot be tried on these rows: {error}"
            return checks + _all_failed(_COMPARED, reason), None
        return checks + comparison_checks(contest, gate), contest.footing

    def read_record(self, found: ModelVersionInfo) -> FoldRecord:
        """The fold record of a version; raises as `training.gate.fetching.fetch_record`."""
        return fetch_record(self.registry, found, self.domain)

    def _report(
        self,
        found: ModelVersionInfo,
        checks: list[Check],
        stage: Stage,
        champion: str | None,
        override: Override | None,
        footing: Footing | None = None,
    ) -> GateReport:
        return GateReport(
            domain=self.domain.name,
            version=found.version,
            stage=stage,
            champion=champion,
            footing=footing,
            checks=tuple(checks),
            override=override,
        )

    def _leave(self, found: ModelVersionInfo, report: GateReport) -> GateReport:
        forced = report.override if report.status == "forced" else None
        store_gate_report(
            self.registry,
            found,
            report.status,
            report.model_dump(mode="json"),
            admitted_at=report.time.isoformat() if report.is_open and report.stage is Stage.PRODUCTION else "",
            forced_by=forced.actor if forced else "",
            forced_because=forced.reason if forced else "",
        )
        return report


def _failed(checks: list[Check]) -> bool:
    return any(check.outcome == "failed" for check in checks)


def _all_failed(names: tuple[str, ...], reason: str) -> list[Check]:
    return [Check(name=name, outcome="failed", reason=reason) for name in names]
