"""Checks the arms of predictions that name a rollout, and its pairs, against the events about rollouts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import redis

from operations.verification.problems import Problems
from schemas.arms import is_in_share, salt_of
from schemas.commands import ModelEvent
from schemas.domain import Domain
from schemas.pairs import CHALLENGER_ARM, FALLBACK, unpack_pairs
from schemas.shards import listing_key
from schemas.stamp import Stamp
from schemas.streams import DATA_FIELD, Streams
from schemas.window import layout_of
from transport.entries import EntryId
from transport.reading import RawEntry, scan

_ABOUT_STATES = (b'"rollout.started"', b'"rollout.adjusted"')


@dataclass(frozen=True, slots=True)
class RecordedState:
    """One state of a rollout: consumers carry out each for a while, and none of them at the same moment."""

    is_shadow: bool
    share: float
    has_pairs: bool


@dataclass(slots=True)
class RecordedRollout:
    """A rollout as the events about it tell.

    Attributes:
        version: of the challenger.
        salt: the number that its salt stands for.
        states: all that it had.
    """

    version: str
    salt: int
    states: list[RecordedState] = field(default_factory=list)

    def arms_of(self, key: int) -> set[str]:
        """The arms that a listing can have had."""
        return {
            "challenger" if not state.is_shadow and is_in_share(key, self.salt, state.share) else "champion"
            for state in self.states
        }

    def must_be_paired(self, key: int) -> bool:
        """Whether the listing has a pair in every state."""
        return all(state.has_pairs and is_in_share(key, self.salt, state.share) for state in self.states)


def read_rollouts(client: redis.Redis, streams: Streams) -> dict[str, RecordedRollout]:
    """Every rollout so far, by the entry id of its start; model events are never trimmed."""
    rollouts: dict[str, RecordedRollout] = {}
    for entry_id, fields in scan(client, streams.model_events):
        if not any(kind in fields[DATA_FIELD] for kind in _ABOUT_STATES):
            continue
        data = ModelEvent.model_validate_json(fields[DATA_FIELD]).data
        started = data.rollout or entry_id.decode()
        rollout = rollouts.setdefault(started, RecordedRollout(data.version or "", salt_of(data.salt or "")))
        is_shadow = data.mode == "shadow"
        rollout.states.append(RecordedState(is_shadow, data.share or 0.0, is_shadow or bool(data.pairs)))
    return rollouts


@dataclass(frozen=True, slots=True)
class _Answered:
    stamp: Stamp
    value: float
    at: EntryId
    must_be_paired: bool


@dataclass
class ArmCheck:
    """Checks predictions in any order, and then pairs.

    Attributes:
        checked_ids: the listings to check.
        arms: how many predictions named a rollout, and their arm was checked.
        pairs: how many pairs were compared with their prediction.
    """

    client: redis.Redis
    streams: Streams
    domain: Domain
    checked_ids: Collection[str]
    problems: Problems
    rollouts: dict[str, RecordedRollout]
    arms: int = 0
    pairs: int = 0
    _answered: dict[str, _Answered] = field(default_factory=dict)

    def note_prediction(
        self, entry_id: str, stamp: Stamp, value: float, identity: tuple[str | None, str, str], at: EntryId
    ) -> None:
        """Check the arm of one of the predictions to check, and remember it for its pair.

        Args:
            entry_id: of the listing.
            stamp: of the prediction.
            value: the prediction as a number.
            identity: subject, source and id of the listing.
            at: entry id of the prediction.
        """
        if stamp.rollout is None:
            return
        self.arms += 1
        rollout = self.rollouts.get(stamp.rollout)
        if rollout is None:
            self.problems.add("arm", entry_id, f"its rollout {stamp.rollout} never existed")
            return
        key = listing_key(*identity)
        possible = rollout.arms_of(key)
        if stamp.arm not in possible:
            self.problems.add("arm", entry_id, f"its arm is {stamp.arm}, but should be {' or '.join(sorted(possible))}")
        is_challengers = stamp.arm == "challenger" and not stamp.fallback
        if is_challengers != (stamp.activation == stamp.rollout):
            whose = "challenger" if is_challengers else "champion"
            message = f"the {whose} should have answered, but activation {stamp.activation} did"
            self.problems.add("arm", entry_id, message)
        self._answered[entry_id] = _Answered(stamp, value, at, rollout.must_be_paired(key))

    def check_pairs(self, entries: Iterator[RawEntry]) -> None:
        """Compare all pairs with the predictions, and find predictions without one.

        Args:
            entries: of the stream of pairs, from the oldest that can belong to these predictions.
        """
        found: set[str] = set()
        first: EntryId | None = None
        for shadow_id, fields in entries:
            first = first or EntryId.parse(shadow_id)
            if fields[b"layout"].decode() != layout_of(self.domain):
                continue
            for pair in unpack_pairs(layout_of(self.domain), fields):
                entry_id = f"{pair['ms']}-{pair['seq']}"
                if entry_id in self.checked_ids:
                    if entry_id in found:
                        self.problems.add("pair", entry_id, "has more than one pair")
                    found.add(entry_id)
                    self._check_pair(entry_id, pair, fields[b"rollout"].decode())
        trimmed: Any = self.client.hget(self.streams.progress, "pairs_trimmed")
        for entry_id, answered in self._answered.items():
            # a pair is written right after its prediction
            is_visible = not trimmed or (first is not None and answered.at.ms > first.ms)
            if answered.must_be_paired and is_visible and entry_id not in found:
                self.problems.add("pair", entry_id, "has no pair")

    def _check_pair(self, entry_id: str, pair: Any, rollout: str) -> None:
        self.pairs += 1
        answered = self._answered.get(entry_id)
        if answered is None or answered.stamp.rollout != rollout:
            self.problems.add("pair", entry_id, f"has a pair of rollout {rollout}, but its prediction does not name it")
            return
        is_assigned, is_fallback = bool(pair["flags"] & CHALLENGER_ARM), bool(pair["flags"] & FALLBACK)
        if (
            is_assigned != (answered.stamp.arm == "challenger")
            or (is_assigned and is_fallback) != answered.stamp.fallback
        ):
            self.problems.add("pair", entry_id, "the pair and the prediction disagree about the arm")
        value = float(pair["challenger" if is_assigned and not is_fallback else "champion"])
        if value != answered.value:
            self.problems.add("pair", entry_id, f"predicted {answered.value}, but its pair says {value}")
