"""What pages show of a rollout: its line, its facts, its arms, its guardrails and the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from console.pages.texts import facts, moment, table
from console.pictures.band import BandPoint, draw_band
from console.pictures.interval import draw_interval
from operations.rollouts import RolloutStatus
from schemas.rollout_report import ArmFigures, Guardrail, RolloutReport, RolloutVerdict
from schemas.rollouts import DesiredRollout
from transport.entries import EntryId

_NONE = Markup('<p class="empty">No rollout is running.</p>')
_MARKS = {"better": "good", "worse": "bad", "same": "good"}


def rollout_line(status: RolloutStatus) -> Markup:
    """The rollout in a line; empty without one."""
    if (rollout := status.rollout) is None:
        return Markup("")
    broken = [each.name for each in status.report.guardrails if each.is_broken] if status.report else []
    said = f"the verdict is {status.report.verdict.verdict}" if status.report else "nothing is reported yet"
    return Markup('<p data-rollout="{}"><strong>Rollout</strong> {}; {}{}</p>').format(
        rollout.id, _sentence(rollout), said, f"; broken guardrails: {', '.join(broken)}" if broken else ""
    )


def rollout_facts(status: RolloutStatus) -> Markup:
    """The rollout as it is desired, and who carries it out."""
    if (rollout := status.rollout) is None:
        return _NONE
    rows: list[tuple[str, object]] = [
        ("rollout", Markup('<strong data-rollout="{}">{}</strong>').format(rollout.id, _sentence(rollout))),
        ("since (UTC)", f"{moment(EntryId.parse(rollout.id).ms)}, started by {rollout.actor}"),
        ("until (UTC)", moment(int(rollout.until.timestamp() * 1000)) if rollout.until else "it is stopped"),
        ("scored by", "both models" if rollout.has_pairs else "one model each"),
        ("steps", _step(status.report) if rollout.follows_steps else ""),
        ("carried out by", ", ".join(status.carried_out_by) or "no consumer"),
        ("not by", "; ".join(f"{name}: {why}" for name, why in status.missing.items())),
        ("failures", f"{status.failures} consumers died with the challenger loaded" if status.failures else ""),
    ]
    return facts(rows, "The rollout")


def arms_table(report: RolloutReport) -> Markup:
    """Both arms side by side; a figure that neither has is left out."""
    champion, challenger = (_figures(arm) for arm in report.arms)
    fallback = next((each.value for each in report.guardrails if each.name == "fallback"), None)
    challenger["fallback share"] = None if fallback is None else f"{fallback:.2%}"
    rows: list[list[object]] = [
        [name, champion.get(name), value]
        for name, value in challenger.items()
        if value is not None or champion.get(name) is not None
    ]
    heads = ["", *(f"{arm.arm}, version {arm.version}" for arm in report.arms)]
    return table(heads, rows, "The arms of the rollout")


def guardrails_table(guardrails: tuple[Guardrail, ...]) -> Markup:
    """Each guardrail with what was measured, and its limit."""
    rows: list[list[object]] = [
        [each.name, _state(each), each.value, each.limit, each.answers, each.message] for each in guardrails
    ]
    return table(["guardrail", "", "value", "limit", "answers", "what was measured"], rows, "Guardrails of the rollout")


def verdict_text(verdict: RolloutVerdict) -> Markup:
    """The verdict, the interval of the gain, and what it takes to decide."""
    badge = Markup('<p><span class="badge {0}" data-rollout-verdict="{1}">{1}</span> {2}</p>').format(
        _MARKS.get(verdict.verdict, "muted"), verdict.verdict, _why(verdict)
    )
    if verdict.low is None or verdict.high is None:
        return badge
    return badge + draw_interval("Gain of the challenger", verdict.gain, verdict.low, verdict.high)


def verdicts_over_time(verdicts: Sequence[tuple[int, RolloutVerdict]]) -> Markup:
    """The gain and its interval, verdict by verdict, with the times in ms at which they were logged."""
    points = [
        BandPoint(at_ms / 1000, each.gain, each.low, each.high)
        for at_ms, each in verdicts
        if each.gain is not None and each.low is not None and each.high is not None
    ]
    if not points:
        return Markup("")
    first, last = (f"{moment(at_ms)}, {each.outcomes:,} outcomes" for at_ms, each in (verdicts[0], verdicts[-1]))
    drawn = draw_band("Gain of the challenger, and its interval, over time", points, (first, last))
    return Markup('<div class="card narrowing">{}</div>').format(drawn)


def comparison_of_arms(status: RolloutStatus) -> Markup:
    """All that the monitor reports on the rollout that runs."""
    if status.rollout is None:
        return _NONE
    if (report := status.report) is None:
        return Markup('<p class="empty">The monitor has not reported on the rollout yet.</p>')
    parts = (verdict_text(report.verdict), arms_table(report), guardrails_table(report.guardrails))
    return Markup("").join((Markup("<p>{}</p>").format(_sentence(status.rollout)), *parts))


def _sentence(rollout: DesiredRollout) -> str:
    versions = f"version {rollout.version} beside version {rollout.champion}"
    return f"{rollout.mode} of {versions}, {rollout.share * 100:.4g} % of the listings"


def _step(report: RolloutReport | None) -> str:
    if report is None or report.waits_for is None:
        return "moves on by rollout.steps"
    at = "" if report.step is None else f"step {report.step} of {report.steps}; "
    return f"{at}waits for {report.waits_for}" if report.waits_for else f"{at}moves on"


def _figures(arm: ArmFigures) -> dict[str, object]:
    """The figures of an arm by name."""
    return {
        "answers": arm.answers,
        "answers a second": arm.per_s,
        "p50, ms": arm.p50_ms,
        "p99, ms": arm.p99_ms,
        "time for a row, µs": arm.us_per_row,
        "fallback share": None,
        "imputed share": _share(arm.imputed_share),
        "mean": arm.mean,
        "standard deviation": arm.sd,
        "classes": ", ".join(f"{name} {share:.0%}" for name, share in arm.classes.items()) if arm.classes else None,
        "outcomes": arm.outcomes,
        "share with an outcome": _share(arm.labelled_share),
        "error": arm.loss,
    }


def _share(share: float | None) -> str | None:
    return None if share is None else f"{share:.2%}"


def _state(guardrail: Guardrail) -> Markup:
    if guardrail.value is None:
        return Markup('<span class="muted">unknown</span>')
    kind, text = ("bad", "broken") if guardrail.is_broken else ("good", "holds")
    return Markup('<span class="{}">{}</span>').format(kind, text)


def _why(verdict: RolloutVerdict) -> str:
    kind = "pairs" if verdict.is_paired else "both arms"
    text = f"from {verdict.outcomes:,} outcomes of {kind}, {verdict.units:,} subjects or hours"
    if verdict.withheld:
        return f"{text}; withheld, because {verdict.withheld}"
    if verdict.verdict == "undecided" and verdict.more_outcomes:
        return f"{text}; about {verdict.more_outcomes:,} more decide if the gain stays as it is"
    return text
