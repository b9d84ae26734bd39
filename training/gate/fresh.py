"""Fresh rows: those of a version's fold record that neither it nor the champion was fitted on when it answered them.

A retraining of one recipe on newer rows ties with that recipe wherever both are fitted again. What tells them apart is
how the champion answers today, as it was fitted then, on rows that came since. Rows are known by a hash of what they
hold, so their order, and that of the table they came in, does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from registry.booster import Score
from schemas.classes import winners_of
from schemas.rows import RowBuilder
from training.data.tables import Table
from training.gate.record import FoldRecord
from training.learning.folding import FoldResult, Split
from training.learning.metrics import deciding_metric, metrics_of

if TYPE_CHECKING:
    import pandas as pd


def fresh_splits(record: FoldRecord, known: Table) -> tuple[Split, ...]:
    """The first repetition of a record's folds, judged by its fresh rows alone, so that each of them counts once.

    A row that somebody sent twice is no fresh row for a fold that was fitted on the other: the same features among the
    fresh rows that teach are enough to leave it out.

    Args:
        record: of the version that would like to pass.
        known: the rows that the champion was fitted on.
    """
    is_fresh = ~np.isin(_hashes(record.learn.with_target()), _hashes(known.with_target()))
    features = _hashes(record.learn.frame)
    splits = []
    for learn, judge in _first_repetition(record.splits):
        taught = features[learn[is_fresh[learn]]]
        splits.append((learn, judge[is_fresh[judge] & ~np.isin(features[judge], taught)]))
    return tuple(splits)


def on_fresh_rows(record: FoldRecord, splits: tuple[Split, ...], champion: Score) -> tuple[FoldRecord, FoldResult]:
    """A version's record and the champion's answers as of today, both judged on the same fresh rows.

    Args:
        record: of the version.
        splits: of `fresh_splits`; each judges by some rows.
        champion: as it is loaded to serve.
    """
    theirs = answers_of(champion, record.learn)
    fresh = replace(record, splits=splits, scores=_scores(record.learn, splits, record.out_of_fold))
    return fresh, FoldResult(_scores(record.learn, splits, theirs), theirs)


def old_figures(record: FoldRecord, champion: FoldRecord, score: Score) -> tuple[float, float]:
    """The deciding metric of a version and of the champion over the champion's rows, each on rows unseen.

    Args:
        record: of the version; where it holds a row, its answer out of fold is taken.
        champion: the record of the champion, which is judged by its answers out of fold.
        score: the version as it would serve, for rows that it was not fitted on.
    """
    old = champion.learn
    ours = answers_of(score, old)
    order = np.argsort(mine := _hashes(record.learn.with_target()))
    wanted = _hashes(old.with_target())
    found = order[np.minimum(np.searchsorted(mine, wanted, sorter=order), len(mine) - 1)]
    is_shared = mine[found] == wanted
    ours[is_shared] = record.out_of_fold[found[is_shared]]
    metric = deciding_metric(old.domain)
    first, second = (metrics_of(old.domain, old.target, each)[metric] for each in (ours, champion.out_of_fold))
    return first, second


def answers_of(score: Score, table: Table) -> NDArray[Any]:
    """Prices, or names of classes, of each row of a table, shape (rows,)."""
    answers = score(RowBuilder(table.domain).matrix_of_frame(table.frame))
    classes = table.domain.target.classes
    return np.array(classes)[winners_of(answers, classes)] if classes else np.asarray(answers, dtype=np.float64)


def _hashes(frame: pd.DataFrame) -> NDArray[np.uint64]:
    """A hash of each row."""
    import pandas as pd

    return np.asarray(pd.util.hash_pandas_object(frame, index=False), dtype=np.uint64)


def _first_repetition(splits: Sequence[Split]) -> list[Split]:
    """The folds until a row would judge a second time: those that predictions out of fold come from."""
    first, seen = list[Split](), set[int]()
    for learn, judge in splits:
        rows = set(judge.tolist())
        if rows & seen:
            break
        seen |= rows
        first.append((learn, judge))
    return first


def _scores(table: Table, splits: Sequence[Split], answers: NDArray[Any]) -> NDArray[np.float64]:
    metric = deciding_metric(table.domain)
    return np.array([metrics_of(table.domain, table.target[rows], answers[rows])[metric] for _, rows in splits])
