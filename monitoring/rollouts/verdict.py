"""Decides the verdict on a rollout from its comparison."""

from __future__ import annotations

from monitoring.rollouts.comparison import RolloutComparison
from monitoring.rollouts.labelling import find_unevenness
from monitoring.rollouts.sequence import count_until_decided, interval
from schemas.rollout_report import RolloutVerdict, SegmentGain, VerdictWord
from schemas.rollout_settings import RolloutSettings

MIN_UNITS = 24
"""Subjects or hours that a verdict needs, in each arm where there are no pairs: a day, if they are hours."""
_MOST_SEGMENTS = 50


def decide_verdict(
    comparison: RolloutComparison, limits: RolloutSettings, *, is_classification: bool
) -> RolloutVerdict:
    """The verdict on what is known; it may be asked for after every outcome.

    Args:
        comparison: of mature outcomes.
        limits: from how many outcomes on, and what counts as the same.
        is_classification: whether losses are shares of wrong classes, whose differences are the gains.
    """
    is_paired = comparison.pairs > 0
    unit_loss = float(comparison.champion.mean)
    # a difference of shares of wrong classes is a gain already
    scale = 1.0 if is_classification else unit_loss
    units = int(comparison.difference.size)
    base = RolloutVerdict(
        outcomes=comparison.pairs if is_paired else sum(comparison.outcomes.values()),
        units=units,
        is_paired=is_paired,
        segments=segment_gains(comparison, is_classification=is_classification),
    )
    if units < 2 or scale <= 0:  # noqa: PLR2004 - one value has no spread
        return base
    low, high = interval(comparison.difference)
    gain = float(comparison.difference.mean) / scale
    found = base.model_copy(update={"gain": gain, "low": float(low) / scale, "high": float(high) / scale})
    margin = limits.same_within
    word = word_of(float(low) / scale, float(high) / scale, margin)
    missing = _outcomes_missing(comparison, limits)
    if missing == 0 and word != "undecided":
        if uneven := find_unevenness(comparison.groups):
            return found.model_copy(update={"withheld": uneven})
        return found.model_copy(update={"verdict": word, "more_outcomes": 0})
    more_units = count_until_decided(comparison.difference, margin * scale)
    more = None if more_units is None else max(round(more_units * base.outcomes / units), missing)
    return found.model_copy(update={"more_outcomes": more})


def word_of(low: float, high: float, margin: float) -> VerdictWord:
    """What an interval of the gain says: it is clear of 0, or within the margin on both sides."""
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "same" if -margin < low and high < margin else "undecided"


def segment_gains(comparison: RolloutComparison, *, is_classification: bool) -> tuple[SegmentGain, ...]:
    """The gain in each part of a segment that has pairs, by name."""
    gains = []
    for part, losses in sorted(comparison.segments.items())[:_MOST_SEGMENTS]:
        scale = losses.outcomes if is_classification else losses.champion
        if scale > 0:
            gain = (losses.champion - losses.challenger) / scale
            gains.append(SegmentGain(part=part, outcomes=losses.outcomes, gain=gain))
    return tuple(gains)


def _outcomes_missing(comparison: RolloutComparison, limits: RolloutSettings) -> int:
    """How many outcomes, at least, are missing until there may be a verdict."""
    if comparison.pairs:
        missing, fewest = limits.min_pairs - comparison.pairs, comparison.difference.size
    else:
        missing = limits.min_outcomes - min(comparison.outcomes.values())
        fewest = min(comparison.champion.size, comparison.challenger.size)
    return int(max(missing, MIN_UNITS - float(fewest), 0))
