"""The rollout for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from operations.rollouts import RolloutCommandResult, RolloutStatus
from schemas.rollout_report import ArmFigures, RolloutReport, RolloutVerdict
from tasador.cli.formatting import format_time, printable

_DONE = {"rollout.started": "started", "rollout.adjusted": "adjusted", "rollout.stopped": "stopped"}


def describe_result(result: RolloutCommandResult) -> str:
    """One line with what came of a command, and the consumers that confirmed it."""
    what = f"{result.mode} of version {result.version} at {result.share:.4g} of the listings ({result.rollout})"
    text = f"{what} is {_DONE.get(result.result, result.result)}"
    if result.confirmed is None:
        return text
    return f"{text}; confirmed by {', '.join(result.confirmed)}" if result.confirmed else f"{text}; no consumer runs"


def rollout_view(status: RolloutStatus) -> str:
    """The rollout, and who carries it out."""
    return "\n".join(_lines(status))


def _lines(status: RolloutStatus) -> Iterator[str]:
    rollout = status.rollout
    if rollout is None:
        yield "no rollout is running"
        return
    pairs = "both models score them" if rollout.has_pairs else "one model scores each"
    versions = f"version {rollout.version} beside version {rollout.champion}"
    yield f"{rollout.mode} of {versions}, started by {printable(rollout.actor)}"
    yield f"rollout      {rollout.id}"
    yield f"share        {rollout.share:.4g} of the listings; {pairs}"
    if rollout.follows_steps:
        yield f"steps        {_step(status.report)}"
    if rollout.until is not None:
        yield f"until        {format_time(rollout.until)}"
    yield f"carried out  by {', '.join(status.carried_out_by) or 'no consumer'}"
    for name, why in status.missing.items():
        yield f"missing      {printable(name)}: {printable(why, 300)}"
    if status.failures:
        yield f"failures     {status.failures} consumers died with the challenger loaded"
    if status.report is None:
        yield "report       none yet: does a monitor run?"
    else:
        yield from _report(status.report)


def _step(report: RolloutReport | None) -> str:
    if report is None or report.waits_for is None:
        return "moves on by rollout.steps"
    at = "" if report.step is None else f"step {report.step} of {report.steps}; "
    return f"{at}waits for {report.waits_for}" if report.waits_for else f"{at}moves on"


def _report(report: RolloutReport) -> Iterator[str]:
    for arm in report.arms:
        yield f"{arm.arm:<12} {'; '.join(_figures(arm))}"
    for guardrail in report.guardrails:
        state = "unknown" if guardrail.value is None else "broken" if guardrail.is_broken else "holds"
        yield f"guardrail    {guardrail.name} {state}: {guardrail.message}"
    yield f"verdict      {_verdict(report.verdict)}"


def _figures(arm: ArmFigures) -> Iterator[str]:
    yield f"version {arm.version}"
    yield f"{arm.answers} answers"
    if arm.p99_ms is not None:
        yield f"p99 {arm.p99_ms:.0f} ms"
    if arm.mean is not None:
        yield f"mean {arm.mean:.4g}"
    if arm.loss is not None:
        yield f"error {arm.loss:.4g} over {arm.outcomes} outcomes"


def _verdict(verdict: RolloutVerdict) -> str:
    text: str = verdict.verdict
    if verdict.gain is not None and verdict.low is not None and verdict.high is not None:
        text += f": {verdict.gain:+.1%} ({verdict.low:+.1%} to {verdict.high:+.1%}) over {verdict.outcomes} outcomes"
    if verdict.withheld:
        return f"{text}; withheld, because {verdict.withheld}"
    if verdict.verdict == "undecided" and verdict.more_outcomes:
        return f"{text}; about {verdict.more_outcomes} more decide if the difference stays as it is"
    return text
