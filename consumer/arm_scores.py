"""What champion and challenger each answer to the listings of a batch, and whose answer each listing gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from consumer.ranges import BatchRanges, ranges_of
from consumer.served_model import ServedModel, ServedRollout
from schemas.classes import ClassThreshold, winners_of
from schemas.decoding import DecodedListing
from schemas.pairs import CHALLENGER_ARM, FALLBACK, HAS_SUBJECT, pack_pairs
from schemas.rows import Matrix
from schemas.stamp import Stamp

FALLBACK_CAUSES = ("raised", "no_number", "alone")
"""Why the champion answered in the challenger's place: the challenger raised, or what it returned is not a finite
number for the listing; or the listing was tried alone."""
BY_CHALLENGER, HAS_PAIR = 8, 16
"""Flags of a prediction for the commit script: the challenger answered; there is a pair."""

FallbackCause = Literal["raised", "no_number", "alone"]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class BatchArms:
    """What the commit and the metrics get about the rollout.

    Attributes:
        rollout: entry id of its start, and the challenger's activation.
        pairs: packed, one for each listing that has one, in the order of the predictions.
        champion_us: time that the champion took for a row.
        challenger_us: time that the challenger took for a row.
        champion_total: sum of the champion's predictions.
        challenger_total: sum of the challenger's.
        answered: how many predictions are the champion's and the challenger's.
        fallbacks: how many are the champion's in the challenger's place, by cause.
    """

    rollout: str
    pairs: bytes
    champion_us: float
    challenger_us: float
    champion_total: float
    challenger_total: float
    answered: Mapping[str, int]
    fallbacks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ArmScores:
    """The scores of n listings by both arms.

    Attributes:
        rollout: that is carried out.
        scores: the answers, (n,) or (n, classes).
        champion: the champion's scores, in the same shape; NaN where it was not asked.
        challenger: the challenger's scores, in the same shape; NaN where it was not asked, raised or gave no number.
        keys: of the arm's hash, (n,).
        is_concerned: which listings the rollout concerns, (n,).
        is_assigned: which listings the challenger is to answer, (n,).
        is_good: where the challenger gave an answer, (n,).
        by_challenger: which listings get the challenger's answer, (n,).
        cause: why the others have none.
        champion_us: time that the champion took for a row.
        challenger_us: time that the challenger took for a row.
    """

    rollout: ServedRollout
    scores: Matrix
    champion: Matrix
    challenger: Matrix
    keys: NDArray[np.uint32]
    is_concerned: Mask
    is_assigned: Mask
    is_good: Mask
    by_challenger: Mask
    cause: FallbackCause
    champion_us: float
    challenger_us: float

    def winners(self, champions: NDArray[np.int64], classes: tuple[str, ...]) -> NDArray[np.int64]:
        """The positions of the predicted classes, (n,): the champion's, and the challenger's where it answers."""
        theirs = winners_of(self.scores, classes, self.rollout.challenger.threshold)
        return np.where(self.by_challenger, theirs, champions)

    def ranges(self, champions: BatchRanges, values: NDArray[np.float64], classes: tuple[str, ...]) -> BatchRanges:
        """The intervals or prediction sets of answers with these values, (n,): each by the model that answers."""
        calibration = self.rollout.challenger.scorer.calibration
        return champions.where(self.by_challenger, ranges_of(calibration, self.scores, values, classes))

    def champion_stamp(self, stamp: Stamp) -> Stamp:
        """The champion's stamp on listings of its own arm."""
        return Stamp(stamp.version, stamp.activation, self.rollout.state.id, "champion")

    def challenger_stamps(self, stamp: Stamp) -> dict[int, Stamp]:
        """The stamps of the challenger's arm by row; `stamp` is the champion's, which fallbacks carry."""
        mine = self.rollout.challenger.stamp
        fallback = Stamp(stamp.version, stamp.activation, self.rollout.state.id, "challenger", fallback=True)
        good = self.is_good.tolist()
        return {row: mine if good[row] else fallback for row in np.flatnonzero(self.is_assigned).tolist()}

    def bounds(self, model: ServedModel) -> tuple[Matrix, Matrix]:
        """The training range of the model that answers a row: lowest and highest values, (columns,) or (n, columns)."""
        if not self.by_challenger.any():
            return model.low, model.high
        mine, theirs = self.by_challenger[:, None], self.rollout.challenger
        return np.where(mine, theirs.low, model.low), np.where(mine, theirs.high, model.high)

    def origin(self, row: int, model: ServedModel) -> ServedModel:
        """The model that answers a row, by which explainers explain it."""
        return self.rollout.challenger if self.by_challenger[row] else model

    def flagged(self, flags: bytes) -> bytes:
        """The flags of n predictions with those about arms."""
        about = self.by_challenger * np.uint8(BY_CHALLENGER) + self._has_pair * np.uint8(HAS_PAIR)
        return (np.frombuffer(flags, dtype=np.uint8) | about).tobytes()

    @property
    def _has_pair(self) -> Mask:
        return self.is_concerned if self.rollout.state.has_pairs else np.zeros_like(self.is_concerned)

    def for_commit(
        self,
        entry_ids: Sequence[bytes],
        listings: Sequence[DecodedListing],
        values: NDArray[np.float64],
        classes: tuple[str, ...],
        threshold: ClassThreshold | None,
    ) -> BatchArms:
        """What the commit gets, of n predictions with these values, (n,); `threshold` is the champion's."""
        by_challenger = int(self.by_challenger.sum())
        fallbacks = int((self.is_assigned & ~self.is_good).sum())
        return BatchArms(
            rollout=self.rollout.state.id,
            pairs=self._pack_pairs(entry_ids, listings, classes, threshold),
            champion_us=self.champion_us,
            challenger_us=self.challenger_us,
            champion_total=float(values[~self.by_challenger].sum()),
            challenger_total=float(values[self.by_challenger].sum()),
            answered={"champion": len(entry_ids) - by_challenger, "challenger": by_challenger},
            fallbacks={self.cause: fallbacks} if fallbacks else {},
        )

    def _pack_pairs(
        self,
        entry_ids: Sequence[bytes],
        listings: Sequence[DecodedListing],
        classes: tuple[str, ...],
        threshold: ClassThreshold | None,
    ) -> bytes:
        rows = np.flatnonzero(self._has_pair)
        if not len(rows):
            return b""
        each: list[int] = rows.tolist()
        has_subject = np.array([listings[row].subject is not None for row in each])
        flags = self.is_assigned[rows] * CHALLENGER_ARM + ~self.is_good[rows] * FALLBACK + has_subject * HAS_SUBJECT
        champion = _answers(self.champion[rows], classes, threshold)
        challenger = _answers(self.challenger[rows], classes, self.rollout.challenger.threshold)
        ids = [entry_ids[row] for row in each]
        return pack_pairs(ids, champion, challenger, self.keys[rows], flags.astype(np.uint8))


def are_finite(scores: Matrix) -> Mask:
    """Which rows of scores, (n,) or (n, classes), are finite throughout, (n,)."""
    is_finite = np.isfinite(scores)
    found: Mask = is_finite if scores.ndim == 1 else np.asarray(is_finite.all(axis=1))
    return found


def _answers(scores: Matrix, classes: tuple[str, ...], threshold: ClassThreshold | None) -> NDArray[np.float64]:
    """The answers of n scores: numbers, or positions of classes; NaN where a score is not finite."""
    if not classes:
        return np.where(np.isfinite(scores), scores, np.nan)
    is_good = are_finite(scores)
    return np.where(is_good, winners_of(np.where(is_good[:, None], scores, 0.0), classes, threshold), np.nan)
