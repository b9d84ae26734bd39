"""The cost of a model per row: the processor time to score a full batch, relative to that of a reference model.

Absolute times vary by half with the processor, its caches and other load on the core. So the two models score by turns,
and the cost is the ratio of their times, expressed in microseconds of a machine on which the reference model takes
`REFERENCE_US`. Cost is measured once, in training, and stored in the card.
"""

from __future__ import annotations

from functools import cache
from statistics import median
from time import thread_time

import numpy as np
from numpy.typing import NDArray

from registry.booster import Booster, Score
from schemas.rows import Matrix

ROWS = 1000
RUNS = 15
REFERENCE_US = 2.4
"""Microseconds per row of the reference model on the machine of docs/benchmarks-faster-cores.md."""

_COLUMNS, _TREES, _DEPTH = 13, 300, 4


def us_per_row(score: Score, rows: Matrix) -> float:
    """Microseconds per row in a batch of 1,000, on a machine on which the reference model takes `REFERENCE_US`.

    Models score on one thread (see `registry.predict_fn`), so the thread's own processor time is measured. The result
    is the median of several runs, each relative to a run of the reference model just before it.

    Args:
        score: of the model to measure.
        rows: some rows (n, columns), repeated to a full batch.
    """
    reference, standard = _reference()
    batch = full_batch(rows)
    score(batch)
    reference(standard)
    ratios = []
    for _ in range(RUNS):
        reference_s = _seconds(reference, standard)
        ratios.append(_seconds(score, batch) / reference_s)
    return median(ratios) * REFERENCE_US


def full_batch(rows: Matrix) -> Matrix:
    """Rows (n, columns) repeated or cut to a batch of 1,000."""
    return np.ascontiguousarray(np.resize(rows, (ROWS, rows.shape[1])))


def _seconds(score: Score, batch: Matrix) -> float:
    start = thread_time()
    score(batch)
    return thread_time() - start


@cache
def _reference() -> tuple[Score, Matrix]:
    """The reference model, as consumers score it, and a batch for it: 300 trees of depth 4 over 13 columns."""
    import xgboost

    rng = np.random.default_rng(1)
    rows: NDArray[np.float64] = rng.standard_normal((2 * ROWS, _COLUMNS))
    target = rows @ rng.standard_normal(_COLUMNS) + 2 * np.sin(3 * rows[:, 0])
    parameters = {"max_depth": _DEPTH, "eta": 0.1, "tree_method": "hist", "nthread": 1, "seed": 1}
    trained = xgboost.train(parameters, xgboost.DMatrix(rows, target), _TREES)
    return Booster(bytes(trained.save_raw("ubj"))).predict, full_batch(rows)
