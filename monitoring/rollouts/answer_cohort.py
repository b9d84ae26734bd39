"""Mature predictions of both arms, and how each with its outcome enters the comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitoring.outcomes.prediction_index import HOUR_MS
from monitoring.outcomes.sums import loss
from monitoring.rollouts.arm_answers import ArmAnswer
from monitoring.rollouts.comparison import OutcomeUnit, RolloutComparison
from monitoring.rollouts.joined_outcomes import JoinedOutcome
from monitoring.rollouts.labelling import arm_group
from monitoring.rollouts.phases import Phase, phase_at
from schemas.domain import Domain


class AnswerCohort:
    """Predictions of a rollout's arms; those of a time when only the champion answered are left out.

    Args:
        domain: of the listings.
        answers: of the rollout.
        phases: of the rollout.
        is_compared: whether their losses are compared; otherwise only their shares of outcomes are.
    """

    def __init__(
        self, domain: Domain, answers: Sequence[ArmAnswer], phases: Sequence[Phase], *, is_compared: bool
    ) -> None:
        self._domain = domain
        self._is_compared = is_compared
        found = [(answer, phase_at(phases, answer.at_ms)) for answer in answers]
        self._answers = [(answer, phase) for answer, phase in found if phase is not None and phase.share > 0]

    @property
    def predicted(self) -> list[tuple[str, int]]:
        """The name of each listing's entry with the time of its prediction."""
        return [(answer.entry, answer.at_ms) for answer, _ in self._answers]

    @property
    def unit_names(self) -> list[str]:
        """The name of each prediction's unit, if they are compared."""
        return [_unit_name(answer) for answer, _ in self._answers] if self._is_compared else []

    def add_to(
        self,
        comparison: RolloutComparison,
        units: dict[str, OutcomeUnit],
        outcomes: Mapping[str, JoinedOutcome],
        phase_ms: int,
    ) -> int:
        """Add the predictions to the comparison, and update their units.

        `phase_ms` is the beginning of the phase whose shares of outcomes have been counted; returns that of the newest.
        Shares of two phases would not be comparable, because the arms have other sizes in each.
        """
        for answer, phase in self._answers:
            if phase.begin_ms > phase_ms:
                comparison.forget_groups("arm")
                phase_ms = phase.begin_ms
            outcome = outcomes.get(answer.entry)
            # another shard may still be in an earlier phase
            if phase.begin_ms == phase_ms:
                comparison.add_to_group(arm_group(answer.arm), has_outcome=outcome is not None)
            if outcome is None or not self._is_compared:
                continue
            error = loss(self._domain, answer.prediction, outcome.value)
            name = _unit_name(answer)
            unit = units.get(name, OutcomeUnit())
            if not answer.has_subject:
                units[name] = comparison.add_hour(unit, answer.arm, error)
            elif phase.share < 1:
                units[name] = comparison.add_subject(unit, answer.arm, error, phase.share)
        return phase_ms


def _unit_name(answer: ArmAnswer) -> str:
    return f"s{answer.key} {answer.arm}" if answer.has_subject else f"h{answer.at_ms // HOUR_MS}"
