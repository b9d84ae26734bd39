"""The guardrails of a rollout: what they measure of its newest answers, and which of them it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.rollout_report import Guardrail
from schemas.rollout_settings import RolloutSettings


@dataclass(frozen=True, slots=True)
class RolloutMeasurements:
    """What the guardrails look at, since the rollout's last change. None is not known or does not apply.

    Attributes:
        concerned: listings that the challenger was to score, among the newest.
        fallbacks: those of them to which it gave no answer.
        answers: answers of the arm that the challenger answers, or of all in a shadow, among the newest.
        p99_ms: 99th percentile of their time from listing to answer.
        answered: all listings that were answered.
        poisoned: those of them that became poison.
        us_per_row: the challenger's time for a row, in microseconds.
        shift_sd: its mean answer minus the champion's, in standard deviations of the champion's.
    """

    concerned: int = 0
    fallbacks: int = 0
    answers: int = 0
    p99_ms: float | None = None
    answered: int = 0
    poisoned: int = 0
    us_per_row: float | None = None
    shift_sd: float | None = None


def check_guardrails(measured: RolloutMeasurements, limits: RolloutSettings) -> tuple[Guardrail, ...]:
    """All guardrails; one without answers enough has no value and is not broken."""
    fallback_share = measured.fallbacks / max(measured.concerned, 1)
    poison_share = measured.poisoned / max(measured.answered, 1)
    rails = (
        ("fallback", fallback_share, limits.max_fallback_share, measured.concerned, "{:.1%} of listings unanswered"),
        ("poison", poison_share, limits.max_poison_share, measured.answered, "{:.1%} of all listings became poison"),
        ("latency", measured.p99_ms, limits.max_p99_ms, measured.answers, "p99 latency is {:.0f} ms"),
        ("cost", measured.us_per_row, limits.max_us_per_row, measured.concerned, "{:.0f} µs a row"),
        (
            "shift",
            None if measured.shift_sd is None else abs(measured.shift_sd),
            limits.max_shift_sd,
            measured.concerned - measured.fallbacks,
            "answers differ by {:.2f} standard deviations",
        ),
    )
    return tuple(
        _guardrail(name, value if answers >= limits.min_answers else None, limit, answers, text)
        for name, value, limit, answers, text in rails
    )


def find_broken(guardrails: Sequence[Guardrail]) -> Guardrail | None:
    """The first guardrail that is broken; None if all hold."""
    return next((each for each in guardrails if each.is_broken), None)


def are_measured(guardrails: Sequence[Guardrail], *, is_classification: bool) -> bool:
    """Whether there were answers enough for what decides about the next step."""
    needed = {"fallback", "poison", "latency"} | (set() if is_classification else {"shift"})
    return all(each.value is not None for each in guardrails if each.name in needed)


def _guardrail(name: str, value: float | None, limit: float, answers: int, text: str) -> Guardrail:
    message = f"{answers} answers are too few" if value is None else f"{text.format(value)} of {answers} answers"
    return Guardrail(name=name, value=value, limit=limit, answers=answers, message=message)
