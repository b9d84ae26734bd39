"""Fresh rows: rows of a version's fold record that neither it nor the champion was fitted on when predicting them.

A recipe that is trained again on newer rows ties with itself if both are fitted on the same folds. The difference only
shows if the champion, as it serves now, is scored on the rows that are new to it. Rows are identified by a hash of
their values, so the order of the tables does not matter.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from registry.booster import Score
from schemas.classes import winners_of
from schemas.rows import RowBuilder
from training.data.tables import Table
from training.gate.record import FoldRecord
from training.learning.folding import FoldResult, Split, first_repetition
from training.learning.metrics import score as score_metric

if TYPE_CHECKING:
    import pandas as pd


def fresh_splits(record: FoldRecord, known: Table) -> tuple[Split, ...]:
    """The first repetition of a record's folds, with its fresh rows as the only validation rows: each counts once.

    A row is left out of the validation rows of a fold if a fresh training row of that fold has the same features:
    listings are sometimes sent twice.

    Args:
        record: of the version.
        known: the rows that the champion was fitted on.
    """
    is_fresh = ~np.isin(_hashes(record.train.with_target()), _hashes(known.with_target()))
    features = _hashes(record.train.frame)
    splits = []
    for train, validation in first_repetition(record.splits):
        seen = features[train[is_fresh[train]]]
        splits.append((train, validation[is_fresh[validation] & ~np.isin(features[validation], seen)]))
    return tuple(splits)


def score_fresh_rows(record: FoldRecord, splits: tuple[Split, ...], champion: Score) -> tuple[FoldRecord, FoldResult]:
    """Score a version and the champion, as it serves now, on the same fresh rows.

    Args:
        record: of the version.
        splits: from `fresh_splits`; each has validation rows.
        champion: its score function.
    """
    predictions = predict_table(champion, record.train)
    fresh = replace(record, splits=splits, scores=_scores(record, splits, record.predictions))
    return fresh, result_of(record, splits, predictions)


def score_champion_rows(record: FoldRecord, champion: FoldRecord, score: Score) -> tuple[float, float]:
    """The deciding metric of a version and of the champion on the champion's training rows, by unseen rows only.

    Args:
        record: of the version; for rows that it shares with the champion its out-of-fold predictions count.
        champion: the champion's record, of which the out-of-fold predictions count.
        score: the version's score function, for rows that it was not fitted on.
    """
    old = champion.train
    predictions = predict_table(score, old)
    hashes, old_hashes = _hashes(record.train.with_target()), _hashes(old.with_target())
    order = np.argsort(hashes)
    nearest = order[np.minimum(np.searchsorted(hashes, old_hashes, sorter=order), len(hashes) - 1)]
    is_shared = hashes[nearest] == old_hashes
    predictions[is_shared] = record.predictions[nearest[is_shared]]
    metric = record.metric
    own = score_metric(old.domain, metric, old.target, predictions)
    return own, score_metric(old.domain, metric, old.target, champion.predictions)


def result_of(record: FoldRecord, splits: tuple[Split, ...], predictions: NDArray[np.float64]) -> FoldResult:
    """Another model's predictions for a record's rows, prices or probabilities, as a result on some of its folds."""
    scores, classes = _scores(record, splits, predictions), record.train.domain.target.classes
    if not classes:
        return FoldResult(scores, predictions)
    return FoldResult(scores, np.array(classes)[winners_of(predictions, classes)], predictions)


def predict_table(score: Score, table: Table) -> NDArray[np.float64]:
    """Predict the price (rows,) or the probabilities (rows, classes) of each row of a table."""
    predicted = score(RowBuilder(table.domain).matrix_of_frame(table.frame))
    return np.array(predicted, dtype=np.float64)


def _hashes(frame: pd.DataFrame) -> NDArray[np.uint64]:
    import pandas as pd

    return np.asarray(pd.util.hash_pandas_object(frame, index=False), dtype=np.uint64)


def _scores(record: FoldRecord, splits: tuple[Split, ...], predictions: NDArray[np.float64]) -> NDArray[np.float64]:
    table = record.train
    return np.array(
        [score_metric(table.domain, record.metric, table.target[rows], predictions[rows]) for _, rows in splits]
    )
