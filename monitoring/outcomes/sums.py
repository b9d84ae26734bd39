"""The sums from which quality is computed: what one outcome adds to them, and the figures that follow from them.

They are kept by hour for a day and by day for a month, in hashes whose fields are ``part|sum``. A correction subtracts
what the outcome had added before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import sqrt
from urllib.parse import unquote

from monitoring.outcomes.coverage import range_figures
from schemas.domain import Domain
from schemas.quality import ALL, ClassQuality, Quality
from schemas.sections import OutcomeSettings

Sums = dict[str, float]
PREDICTED = "predictions"
TIMED = "timed"
"""Predictions of which it is known how long they took."""
FAST = "fast"
_CLASS = "class"


def contribution(domain: Domain, settings: OutcomeSettings, prediction: float | str, outcome: float | str) -> Sums:
    """The amounts that one outcome adds to the sums of each of its parts, by the sum's name."""
    if domain.task == "classification":
        return {"labelled": 1, f"{_CLASS}|{_escaped(str(outcome))}|{_escaped(str(prediction))}": 1}
    error, truth = float(prediction) - float(outcome), float(outcome)
    return {
        "labelled": 1,
        "absolute": abs(error),
        "squared": error * error,
        "signed": error,
        "outcome": truth,
        "outcome_squared": truth * truth,
        "far": float(abs(error) > (domain.limits.far_off or settings.far_off)),
    }


def loss(domain: Domain, prediction: float | str, outcome: float | str) -> float:
    """The absolute error of one prediction, or 1 for a wrong class."""
    if domain.task == "classification":
        return float(prediction != outcome)
    return abs(float(prediction) - float(outcome))


def sum_field(part: str, name: str) -> str:
    """The field of a sum; a part may contain any text."""
    return f"{_escaped(part)}|{name}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("|", "%7C")


def add_up(hashes: Iterable[Mapping[bytes, bytes]]) -> dict[str, Sums]:
    """Total sums of several hours or days, by part and then by the sum's name."""
    totals: dict[str, Sums] = defaultdict(lambda: defaultdict(float))
    for stored in hashes:
        for field, value in stored.items():
            part, _, name = field.decode().partition("|")
            totals[unquote(part)][name] += float(value)
    return totals


def figures(totals: Mapping[str, Sums]) -> tuple[Quality, ...]:
    """The quality of each part; the part with all predictions comes first."""
    order = sorted(totals, key=lambda part: (part != ALL, part))
    return tuple(_quality(part, totals[part]) for part in order)


def _quality(part: str, sums: Mapping[str, float]) -> Quality:
    labelled = round(sums.get("labelled", 0))
    predictions = round(sums[PREDICTED]) if PREDICTED in sums else None
    shares: dict[str, float | None] = {}
    if predictions:
        timed = sums.get(TIMED, 0)
        fast_share = sums.get(FAST, 0) / timed if timed else None
        shares = {"labelled_share": labelled / predictions, "fast_share": fast_share}
    quality = Quality(part=part, predictions=predictions, labelled=labelled, **shares)
    quality = quality.model_copy(update=range_figures(sums))
    if not labelled:
        return quality
    if "absolute" in sums:
        return quality.model_copy(update=_of_numbers(sums, labelled))
    classes = _classes(sums)
    scores = [2 * each.correct / (each.outcomes + each.predicted) for each in classes]
    accuracy = sum(each.correct for each in classes) / labelled
    update = {"accuracy": accuracy, "macro_f1": sum(scores) / len(scores), "classes": classes if part == ALL else None}
    return quality.model_copy(update=update)


def _of_numbers(sums: Mapping[str, float], count: int) -> dict[str, float | None]:
    # rounding can make sums negative after corrections were subtracted
    squared = max(sums["squared"], 0.0)
    spread = sums["outcome_squared"] - sums["outcome"] ** 2 / count
    return {
        "mae": max(sums["absolute"], 0.0) / count,
        "rmse": sqrt(squared / count),
        "r2": 1 - squared / spread if spread > 1e-9 * max(sums["outcome_squared"], 1.0) else None,
        "bias": sums["signed"] / count,
        "far_share": max(sums["far"], 0.0) / count,
    }


def _classes(sums: Mapping[str, float]) -> tuple[ClassQuality, ...]:
    """Counts and shares of each class that occurs as an outcome or as a prediction, by name."""
    outcomes: dict[str, int] = defaultdict(int)
    predicted: dict[str, int] = defaultdict(int)
    correct: dict[str, int] = defaultdict(int)
    for name, number in sums.items():
        kind, _, pair = name.partition("|")
        if kind == _CLASS and number > 0:
            outcome, prediction = map(unquote, pair.split("|", 1))
            outcomes[outcome] += round(number)
            predicted[prediction] += round(number)
            correct[outcome] += round(number) if outcome == prediction else 0
    return tuple(
        ClassQuality(
            name=name,
            outcomes=outcomes[name],
            predicted=predicted[name],
            correct=correct[name],
            recall=correct[name] / outcomes[name] if outcomes[name] else None,
            precision=correct[name] / predicted[name] if predicted[name] else None,
        )
        for name in sorted({*outcomes, *predicted})
    )
