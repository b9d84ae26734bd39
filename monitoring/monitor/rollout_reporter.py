"""Reports on the rollout, stops it if a guardrail or the verdict says so, and moves a progressive one on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import redis.asyncio

from monitoring.drift.columns import Column
from monitoring.monitor.rollout_metrics import RolloutMetrics
from monitoring.monitor.verdict_log import VerdictLog
from monitoring.rollouts.arm_window import ArmWindow
from monitoring.rollouts.comparison import RolloutComparison
from monitoring.rollouts.guardrails import are_measured, check_guardrails, find_broken
from monitoring.rollouts.labelling import ALL_PAIRS, arm_group
from monitoring.rollouts.mature_outcomes import MatureOutcomes
from monitoring.rollouts.rollout_commands import RolloutCommands
from monitoring.rollouts.steps import StepProgress, find_progress
from monitoring.rollouts.verdict import decide_verdict
from schemas.domain import Domain
from schemas.rollout_report import ArmFigures, Guardrail, RolloutReport, RolloutVerdict
from schemas.rollouts import DesiredRollout, parse_steps
from schemas.settings import Settings
from transport.clock import now_ms_async

logger = logging.getLogger(__name__)

_FIFTHS = (0.2, 0.4, 0.6, 0.8)


class _Step(NamedTuple):
    """Where a progressive rollout is, and what its next step waits for; "" for nothing."""

    progress: StepProgress
    waits_for: str


class RolloutReporter:
    """Reports on the rollouts of one domain.

    Args:
        client: replies must be bytes.
        domain: the domain.
        settings: keys and limits.
        metrics: updated with each report.
    """

    def __init__(
        self, client: redis.asyncio.Redis, domain: Domain, settings: Settings, metrics: RolloutMetrics
    ) -> None:
        self._client = client
        self._domain = domain
        self._streams = settings.streams
        self._limits = settings.rollout
        self._steps = parse_steps(settings.rollout.steps)
        self._metrics = metrics
        self._window = ArmWindow(client, settings.streams, domain)
        self._outcomes = MatureOutcomes(client, settings.streams, domain, settings.rollout.mature_h)
        self._commands = RolloutCommands(client, settings.streams)
        self._log = VerdictLog(client, settings.streams)
        self._last_verdict = ("", "")

    def set_reference(self, columns: Sequence[Column]) -> None:
        """Set the fifths of the champion's answers by the predictions of its reference."""
        predictions = next(column.present for column in columns if column.role == "prediction")
        has_fifths = not self._domain.target.classes and len(predictions) > 0
        self._outcomes.cut_points = np.quantile(predictions, _FIFTHS).tolist() if has_fifths else ()

    async def report(self) -> RolloutReport | None:
        """Report on the rollout, and ask for what follows; None if there is no rollout.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        stored: Any = await self._client.hgetall(self._streams.rollout)
        rollout = DesiredRollout.from_hash(stored)
        if rollout is None:
            self._metrics.clear()
            await self._outcomes.end()
            return None
        await self._window.advance(rollout)
        now_ms = await now_ms_async(self._client)
        comparison = await self._outcomes.advance(rollout, now_ms)
        is_classification = self._domain.task == "classification"
        verdict = decide_verdict(comparison, self._limits, is_classification=is_classification)
        if self._outcomes.shortage and verdict.verdict == "undecided":
            verdict = verdict.model_copy(update={"withheld": verdict.withheld or self._outcomes.shortage})
        guardrails = check_guardrails(self._window.measurements(rollout), self._limits)
        step = self._find_step(rollout, guardrails, now_ms) if rollout.follows_steps else None
        champion, challenger = self._window.figures(rollout)
        report = RolloutReport(
            rollout=rollout.id,
            time=datetime.fromtimestamp(now_ms / 1000, UTC),
            mode=rollout.mode,
            share=rollout.share,
            version=rollout.version,
            champion=rollout.champion,
            arms=(_with_outcomes(champion, comparison), _with_outcomes(challenger, comparison)),
            guardrails=guardrails,
            verdict=verdict,
            step=None if step is None or step.progress.position is None else step.progress.position + 1,
            steps=len(self._steps) if step else 0,
            waits_for=step.waits_for if step else None,
        )
        await self._client.set(self._streams.rollout_report, report.model_dump_json(exclude_none=True))
        self._metrics.record_report(report)
        self._log_verdict(rollout, verdict)
        await self._act(rollout, report, step)
        # last, because a right that is missing here must not keep a rollout from being stopped
        await self._log.add(rollout.id, verdict)
        return report

    def record_failure(self) -> None:
        """Set the metrics to unknown."""
        self._metrics.clear()

    async def _act(self, rollout: DesiredRollout, report: RolloutReport, step: _Step | None) -> None:
        if broken := find_broken(report.guardrails):
            reason = f"{broken.message}, more than {broken.limit:g}"
            if await self._commands.stop(rollout, "guardrail", reason, broken.name):
                self._metrics.record_stop("guardrail")
                logger.warning("rollout stopped", extra={"rollout": rollout.id, "why": reason})
        elif report.verdict.verdict == "worse":
            reason = describe_verdict(report.verdict)
            if await self._commands.stop(rollout, "verdict", reason):
                self._metrics.record_stop("verdict")
                logger.warning("rollout stopped", extra={"rollout": rollout.id, "why": reason})
        elif step is not None and not step.waits_for:
            await self._move_on(rollout, step.progress)

    async def _move_on(self, rollout: DesiredRollout, progress: StepProgress) -> None:
        if progress.following is None or progress.position is None:
            if await self._commands.promote(rollout):
                logger.info("promotion requested", extra={"rollout": rollout.id, "version": rollout.version})
        elif await self._commands.move_on(rollout, progress.position + 1, progress.following):
            extra = {"rollout": rollout.id, "mode": progress.following.mode, "share": progress.following.share}
            logger.info("next step of the rollout requested", extra=extra)

    def _find_step(self, rollout: DesiredRollout, guardrails: Sequence[Guardrail], now_ms: int) -> _Step:
        progress = find_progress(rollout, self._steps, now_ms)
        if progress.position is None:
            return _Step(progress, f"{rollout.mode} of {rollout.share:g} is none of `rollout.steps`")
        if progress.left_s > 0:
            return _Step(progress, f"{progress.left_s:.0f} s more with guardrails that hold")
        if not are_measured(guardrails, is_classification=self._domain.task == "classification"):
            return _Step(progress, f"{self._limits.min_answers} answers that guardrails need")
        return _Step(progress, "")

    def _log_verdict(self, rollout: DesiredRollout, verdict: RolloutVerdict) -> None:
        found = (rollout.id, verdict.withheld or verdict.verdict)
        if found != self._last_verdict:
            self._last_verdict = found
            logger.info("verdict on the rollout", extra={"rollout": rollout.id, "verdict": describe_verdict(verdict)})


def describe_verdict(verdict: RolloutVerdict) -> str:
    """The verdict in a line."""
    if verdict.withheld:
        return f"withheld: {verdict.withheld}"
    if verdict.gain is None or verdict.low is None or verdict.high is None:
        return f"{verdict.verdict}: {verdict.outcomes} outcomes"
    return (
        f"{verdict.verdict}: gain {verdict.gain:+.1%} ({verdict.low:+.1%} to {verdict.high:+.1%}) "
        f"on {verdict.outcomes} outcomes"
    )


def _with_outcomes(figures: ArmFigures, comparison: RolloutComparison) -> ArmFigures:
    """The figures of an arm with what its mature outcomes say; of pairs, both models have the same outcomes."""
    moments = comparison.champion if figures.arm == "champion" else comparison.challenger
    labelled = comparison.groups.get(arm_group(figures.arm)) or comparison.groups.get(ALL_PAIRS)
    update: dict[str, Any] = {"outcomes": comparison.pairs or comparison.outcomes[figures.arm]}
    if moments.size:
        update["loss"] = float(moments.mean)
    if labelled:
        update["labelled_share"] = labelled.share
    return figures.model_copy(update=update)
