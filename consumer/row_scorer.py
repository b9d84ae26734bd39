"""Scores the rows of a decoded batch: one call of a model for all good rows, and refusals of those that have no score.

Nothing here needs the event loop, so that it can run in the scoring thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from time import perf_counter, thread_time

import numpy as np
from numpy.typing import NDArray

from consumer.arm_scorer import ArmScorer
from consumer.arm_scores import ArmScores
from consumer.batch import Refusal
from consumer.dead_letter_writer import DeadLetterWriter
from consumer.decoded_batch import DecodedBatch
from consumer.served_model import ServedModel, ServedRollout
from schemas.decoding import payload_of, refusal_of_missing
from schemas.domain import Domain
from schemas.refusals import Reason
from schemas.rows import Matrix


@dataclass(frozen=True, slots=True)
class RowScores:
    """The scores of a batch.

    Attributes:
        batch: the n listings that have a score; the others are refused.
        model: the champion that scored.
        scores: finite, (n,) or (n, classes).
        arms: whose scores they are in a rollout; None where there is none.
        gaps: which features are missing, (n, features).
        total: sum of the scores; not finite if it is beyond the largest number.
        score_s: how long it took.
        cpu_s: processor time that it took.
    """

    batch: DecodedBatch
    model: ServedModel
    scores: Matrix
    arms: ArmScores | None
    gaps: NDArray[np.bool_]
    total: float
    score_s: float
    cpu_s: float


class RowScorer:
    """Scores batches of one domain.

    Args:
        domain: of the listings.
        dead_letters: refuses listings.
        has_store: whether listings may lack required features that the store did not have either.
        timeout_s: of a challenger (`consumer.arm_scorer`).
    """

    def __init__(self, domain: Domain, dead_letters: DeadLetterWriter, timeout_s: float, *, has_store: bool) -> None:
        self._dead_letters = dead_letters
        # without a store, decoding finds what is missing
        self._required = [i for i, f in enumerate(domain.features) if has_store and not f.may_miss]
        self._columns, classes = domain.columns, domain.target.classes
        self._no_scores = np.empty((0, len(classes)) if classes else 0)
        self._arms = ArmScorer(classes, timeout_s)

    def score(self, batch: DecodedBatch, model: ServedModel, rollout: ServedRollout | None) -> RowScores:
        """Score the listings that lack nothing; those whose score is not finite become poison.

        Args:
            batch: decoded.
            model: the champion.
            rollout: whose challenger scores what it concerns too; None where there is none.
        """
        begin, begin_cpu_s = perf_counter(), thread_time()
        gaps = np.isnan(batch.matrix)
        if self._required and gaps[:, self._required].any():
            batch = self._without_incomplete(batch, gaps)
            gaps = np.isnan(batch.matrix)
        matrix, listings = batch.matrix, batch.listings
        arms = None
        if rollout and listings:
            arms = self._arms.score(listings, matrix, model, rollout, is_alone=batch.is_alone)
            scores = arms.scores
        else:
            scores = model.scorer.score(matrix) if listings else self._no_scores
        score_s, cpu_s = perf_counter() - begin, thread_time() - begin_cpu_s
        with np.errstate(over="ignore", invalid="ignore"):
            total = float(scores.sum())
        if not isfinite(total) and not np.isfinite(scores).all():
            return self.score(self._without_broken(batch, scores), model, rollout)
        return RowScores(batch, model, scores, arms, gaps, total, score_s, cpu_s)

    def _without_incomplete(self, batch: DecodedBatch, gaps: NDArray[np.bool_]) -> DecodedBatch:
        """Refuse the listings that lack required features, which the store did not have either."""
        refusals: dict[int, Refusal] = {}
        for row in np.flatnonzero(gaps[:, self._required].any(axis=1)).tolist():
            entry, listing = batch.entry_of(row), batch.listings[row]
            payload = payload_of(entry.fields)
            error = refusal_of_missing(listing, [self._columns[i] for i in self._required if gaps[row, i]])
            refusals[row] = self._dead_letters.refusal_of(entry, error, payload, batch.time)
        return batch.refuse(refusals)

    def _without_broken(self, batch: DecodedBatch, scores: Matrix) -> DecodedBatch:
        """A score that is not a number is no prediction: those listings become poison, the others are scored again."""
        broken = ~np.isfinite(scores).reshape(len(batch.listings), -1).all(axis=1)
        poison, refuse = (Reason.POISON, "the model's answer is not a finite number"), self._dead_letters.refusal_for
        rows = np.flatnonzero(broken).tolist()
        names = {row: batch.listings[row].replyto or "" for row in rows}
        return batch.refuse({row: refuse(batch.entry_of(row), *poison, name) for row, name in names.items()})
