"""Scores a batch with champion and challenger.

The champion is never at risk: where the challenger raises, or gives no number, the champion answers in the same batch;
an entry that is tried alone, because a batch with it was not committed, is scored by the champion only.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import perf_counter

import numpy as np

from consumer.arm_scores import ArmScores, FallbackCause, are_finite
from consumer.served_model import ServedModel, ServedRollout
from consumer.watchdog import ending_after
from schemas.arms import are_in_share
from schemas.decoding import DecodedListing
from schemas.rows import Matrix
from schemas.shards import listing_key

logger = logging.getLogger(__name__)


class ArmScorer:
    """Scores batches of one domain with both arms.

    Args:
        classes: of the domain; empty of a regression.
        timeout_s: after which a challenger counts as hanging, and this process ends.
    """

    def __init__(self, classes: tuple[str, ...], timeout_s: float) -> None:
        self._classes = classes
        self._timeout_s = timeout_s
        self._logged = ""

    def score(
        self,
        listings: Sequence[DecodedListing],
        matrix: Matrix,
        model: ServedModel,
        rollout: ServedRollout,
        *,
        is_alone: bool,
    ) -> ArmScores:
        """Score n listings: those that the rollout concerns with both models, the others with the champion.

        Without pairs the champion scores only what the challenger does not answer. What the challenger raises becomes a
        fallback; what the champion raises is raised.

        Args:
            listings: n of them.
            matrix: their features (n, columns).
            model: the champion.
            rollout: with the challenger.
            is_alone: whether a batch with these listings was not committed; then the challenger is not asked.
        """
        state = rollout.state
        keys = np.array([listing_key(each.subject, each.source, each.id) for each in listings], dtype=np.uint32)
        is_concerned = are_in_share(keys, rollout.salt, state.share)
        challenger, challenger_us = self._empty(len(matrix)), 0.0
        cause: FallbackCause = "alone"
        rows = np.flatnonzero(is_concerned)
        if len(rows) and not is_alone:
            begin = perf_counter()
            challenger[rows], cause = self._ask(rollout.challenger, matrix[rows])
            challenger_us = (perf_counter() - begin) * 1e6 / len(rows)
        is_good = are_finite(challenger)
        begin = perf_counter()
        if state.has_pairs:
            champion = model.scorer.score(matrix)
        else:
            champion = self._empty(len(matrix))
            if not is_good.all():
                champion[~is_good] = model.scorer.score(matrix[~is_good])
        champion_us = (perf_counter() - begin) * 1e6 / len(matrix)
        is_assigned = np.zeros_like(is_concerned) if state.mode == "shadow" else is_concerned
        by_challenger = is_good & is_assigned
        scores = champion
        if by_challenger.any():
            scores = champion.copy()
            scores[by_challenger] = challenger[by_challenger]
        return ArmScores(
            rollout=rollout,
            scores=scores,
            champion=champion,
            challenger=challenger,
            keys=keys,
            is_concerned=is_concerned,
            is_assigned=is_assigned,
            is_good=is_good,
            by_challenger=by_challenger,
            cause=cause,
            champion_us=champion_us,
            challenger_us=challenger_us,
        )

    def _ask(self, challenger: ServedModel, matrix: Matrix) -> tuple[Matrix, FallbackCause]:
        """The challenger's scores of m rows, NaN where it has none, and why."""
        nothing = self._empty(len(matrix))
        try:
            with ending_after(self._timeout_s):
                scores = np.array(challenger.scorer.score(matrix), dtype=np.float64)
        except Exception as error:
            # whatever a challenger raises, the champion answers; a broken one raises in every batch, and is logged once
            if str(error) != self._logged:
                self._logged = str(error)
                logger.exception("challenger failed", extra={"version": challenger.stamp.version})
            return nothing, "raised"
        if scores.shape != nothing.shape:
            return nothing, "no_number"
        scores[~are_finite(scores)] = np.nan
        return scores, "no_number"

    def _empty(self, count: int) -> Matrix:
        return np.full((count, len(self._classes)) if self._classes else count, np.nan)
