"""Mature pairs of answers, and how each with its outcome enters the comparison."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from monitoring.outcomes.prediction_index import HOUR_MS
from monitoring.outcomes.sums import loss
from monitoring.rollouts.comparison import OutcomeUnit, RolloutComparison
from monitoring.rollouts.joined_outcomes import JoinedOutcome
from monitoring.rollouts.labelling import ALL_PAIRS, FAR_APART, group_key
from schemas.domain import Domain
from schemas.pairs import CHALLENGER_ARM, HAS_SUBJECT, unpack_pairs
from schemas.rollouts import ArmName
from schemas.shards import entry_name
from schemas.window import layout_of
from transport.entries import EntryId


class AnsweredPair(NamedTuple):
    """What both models answered to a listing; the champion's answer for both where the challenger gave none.

    Attributes:
        entry: name of the listing's entry (`schemas.shards.entry_name`).
        at_ms: time of the prediction.
        arm: to which the listing was assigned.
        champion: in the target's unit, or a class name.
        challenger: the same.
        unit: name of its subject or hour.
    """

    entry: str
    at_ms: int
    arm: ArmName
    champion: float | str
    challenger: float | str
    unit: str


class PairCohort:
    """The pairs of some entries of a shard's `shadows`.

    Args:
        domain: of the listings.
        entries: as Redis gives them; those of another rollout or of other columns are left out.
        rollout: entry id of the rollout's start.
        cut_points: of the champion's answers into fifths; empty for none.
        shard: the shard's number.
    """

    def __init__(
        self,
        domain: Domain,
        entries: Iterable[tuple[bytes, Mapping[bytes, bytes]]],
        rollout: str,
        cut_points: Sequence[float],
        shard: int = 0,
    ) -> None:
        self._domain = domain
        self._cut_points = cut_points
        self.pairs = [pair for entry in entries for pair in _read(domain, entry, rollout, shard)]

    @property
    def predicted(self) -> list[tuple[str, int]]:
        """The name of each listing's entry with the time of its prediction."""
        return [(pair.entry, pair.at_ms) for pair in self.pairs]

    @property
    def unit_names(self) -> list[str]:
        """The name of each pair's unit."""
        return [pair.unit for pair in self.pairs]

    def add_to(
        self, comparison: RolloutComparison, units: dict[str, OutcomeUnit], outcomes: Mapping[str, JoinedOutcome]
    ) -> None:
        """Add the pairs to the comparison, and update their units."""
        for pair in self.pairs:
            outcome = outcomes.get(pair.entry)
            for group in self._groups(pair):
                comparison.add_to_group(group, has_outcome=outcome is not None)
            if outcome is None:
                continue
            losses = [loss(self._domain, answer, outcome.value) for answer in (pair.champion, pair.challenger)]
            units[pair.unit] = comparison.add_pair(units.get(pair.unit, OutcomeUnit()), pair.arm, *losses)
            for part in outcome.parts:
                comparison.add_to_segment(part, *losses)

    def _groups(self, pair: AnsweredPair) -> Iterable[str]:
        """What an outcome may be missing because of: how high the answer is, or how the two differ."""
        yield ALL_PAIRS
        if self._domain.target.classes:
            yield group_key("answer", f"of class {pair.champion}")
            same = pair.champion == pair.challenger
            yield group_key("direction", "on which the models agree" if same else "on which the models differ")
            return
        more = float(pair.challenger) - float(pair.champion)
        if more != 0:
            yield group_key("direction", f"to which the challenger says {'more' if more > 0 else 'less'}")
        if self._cut_points:
            fifth = bisect_left(self._cut_points, float(pair.champion)) + 1
            yield group_key("answer", f"in fifth {fifth} of the champion's answers")
            is_far = abs(more) > FAR_APART * (self._cut_points[-1] - self._cut_points[0])
            yield group_key("gap", f"on which the models say {'something else' if is_far else 'nearly the same'}")


def _read(
    domain: Domain, entry: tuple[bytes, Mapping[bytes, bytes]], rollout: str, shard: int
) -> Iterable[AnsweredPair]:
    entry_id, fields = entry
    if fields[b"rollout"].decode() != rollout:
        return
    try:
        rows: Any = unpack_pairs(layout_of(domain), fields)
    except ValueError:
        return
    at_ms = EntryId.parse(entry_id).ms
    for ms, seq, champion, challenger, key, flags in rows.tolist():
        if math.isnan(champion):
            continue
        yield AnsweredPair(
            entry_name(shard, f"{ms}-{seq}"),
            at_ms,
            "challenger" if flags & CHALLENGER_ARM else "champion",
            _answer(domain, champion),
            _answer(domain, champion if math.isnan(challenger) else challenger),
            f"s{key}" if flags & HAS_SUBJECT else f"h{at_ms // HOUR_MS}",
        )


def _answer(domain: Domain, value: float) -> float | str:
    return domain.target.classes[int(value)] if domain.target.classes else value
