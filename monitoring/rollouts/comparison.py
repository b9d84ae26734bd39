"""The running comparison of challenger and champion: the losses of pairs or of arms, as means by unit.

A loss is an absolute error, or 1 for a wrong class. Outcomes of one subject, or of one hour, resemble each other, and
intervals that count each as independent news are too narrow. So a unit is a subject, or an hour for listings without
one, and has one value: its mean. A unit that gets another outcome replaces its value.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from monitoring.rollouts.labelling import Labelled
from monitoring.rollouts.moments import Moments
from schemas.rollouts import ArmName

EXPECTED_FROM = 10
"""Units that each arm needs before its mean loss serves as what is expected of the next."""


_NOTHING = Moments()


class OutcomeUnit(NamedTuple):
    """The outcomes of one subject or hour.

    Attributes:
        champion: number and sum of the losses of the champion's answers, or of the champion's arm.
        challenger: the same of the challenger.
        value: what the unit adds to the moments of the difference; None as long as it adds nothing.
    """

    champion: tuple[int, float] = (0, 0.0)
    challenger: tuple[int, float] = (0, 0.0)
    value: float | None = None


def _with_loss(unit: OutcomeUnit, arm: ArmName, loss: float) -> OutcomeUnit:
    if arm == "champion":
        return unit._replace(champion=_more(unit.champion, loss))
    return unit._replace(challenger=_more(unit.challenger, loss))


def _more(sums: tuple[int, float], loss: float) -> tuple[int, float]:
    return sums[0] + 1, sums[1] + loss


def _mean(sums: tuple[int, float]) -> float:
    return sums[1] / sums[0]


@dataclass(frozen=True)
class SegmentLosses:
    """FloatOrArray of outcomes in a part of a segment, and the sums of both models' losses."""

    outcomes: int = 0
    champion: float = 0.0
    challenger: float = 0.0


@dataclass
class RolloutComparison:
    """What is known about a rollout from its mature outcomes.

    Losses are in the target's unit, or shares of wrong classes.

    Attributes:
        difference: moments over units of the champion's mean loss minus the challenger's; positive if it is better.
        champion: moments over units of the champion's mean loss.
        challenger: the same of the challenger.
        outcomes: number of outcomes by arm; of a pair's listing, the arm that it was assigned to.
        pairs: number of outcomes for which both models answered.
        groups: shares of outcomes by group (`monitoring.rollouts.labelling`).
        segments: losses by part of a segment, of pairs only; they are reported and decide nothing.
    """

    difference: Moments = _NOTHING
    champion: Moments = _NOTHING
    challenger: Moments = _NOTHING
    outcomes: dict[ArmName, int] = field(default_factory=lambda: {"champion": 0, "challenger": 0})
    pairs: int = 0
    groups: dict[str, Labelled] = field(default_factory=dict)
    segments: dict[str, SegmentLosses] = field(default_factory=dict)

    def add_pair(self, unit: OutcomeUnit, arm: ArmName, champion_loss: float, challenger_loss: float) -> OutcomeUnit:
        """Add the losses of both models on one listing; returns its unit from now on."""
        after = unit._replace(
            champion=_more(unit.champion, champion_loss), challenger=_more(unit.challenger, challenger_loss)
        )
        self._replace_means(unit, after)
        self.outcomes[arm] += 1
        self.pairs += 1
        return self._replace_value(unit, after, _mean(after.champion) - _mean(after.challenger))

    def add_hour(self, unit: OutcomeUnit, arm: ArmName, loss: float) -> OutcomeUnit:
        """Add the loss of the only model that answered to an hour, whose value is the difference of its arms' means."""
        after = _with_loss(unit, arm, loss)
        self._replace_means(unit, after)
        self.outcomes[arm] += 1
        if not after.champion[0] or not after.challenger[0]:
            return after
        return self._replace_value(unit, after, _mean(after.champion) - _mean(after.challenger))

    def add_subject(self, unit: OutcomeUnit, arm: ArmName, loss: float, share: float) -> OutcomeUnit:
        """Add the loss of the only model that answered to a subject of one arm.

        Its value is the augmented inverse-propensity estimate, with the mean losses of both arms until then as what is
        expected of it. A share of the arms that changes in time, as while a rollout grows, does not bias it.

        Args:
            unit: of this subject and arm.
            arm: to which the listing was assigned.
            loss: of the arm's answer, whichever model gave it.
            share: of the listings that are assigned to the challenger.
        """
        after = _with_loss(unit, arm, loss)
        is_known = min(self.champion.size, self.challenger.size) >= EXPECTED_FROM
        expected = float(self.champion.mean) - float(self.challenger.mean)
        if arm == "challenger":
            value = expected - (_mean(after.challenger) - float(self.challenger.mean)) / share
        else:
            value = expected + (_mean(after.champion) - float(self.champion.mean)) / (1 - share)
        self._replace_means(unit, after)
        self.outcomes[arm] += 1
        # the first values of a small arm would be so far off that they widen the interval for long
        return self._replace_value(unit, after, value) if is_known else after

    def add_to_group(self, name: str, *, has_outcome: bool) -> None:
        """Count a mature prediction in a group."""
        before = self.groups.get(name, Labelled())
        self.groups[name] = Labelled(before.predictions + 1, before.outcomes + has_outcome)

    def forget_groups(self, family: str) -> None:
        """Count the groups of a family anew."""
        self.groups = {key: each for key, each in self.groups.items() if not key.startswith(family)}

    def add_to_segment(self, part: str, champion_loss: float, challenger_loss: float) -> None:
        """Add the losses of a pair to a part of a segment."""
        before = self.segments.get(part, SegmentLosses())
        self.segments[part] = replace(
            before,
            outcomes=before.outcomes + 1,
            champion=before.champion + champion_loss,
            challenger=before.challenger + challenger_loss,
        )

    def _replace_means(self, before: OutcomeUnit, after: OutcomeUnit) -> None:
        self.champion = _replaced(self.champion, before.champion, after.champion)
        self.challenger = _replaced(self.challenger, before.challenger, after.challenger)

    def _replace_value(self, before: OutcomeUnit, after: OutcomeUnit, value: float) -> OutcomeUnit:
        if before.value is not None:
            self.difference = self.difference.plus(before.value, -1.0)
        self.difference = self.difference.plus(value)
        return after._replace(value=value)


def _replaced(moments: Moments, before: tuple[int, float], after: tuple[int, float]) -> Moments:
    if before == after:
        return moments
    if before[0]:
        moments = moments.plus(_mean(before), -1.0)
    return moments.plus(_mean(after))
