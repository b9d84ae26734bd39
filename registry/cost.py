"""What a model costs a row: the processor time to score a full batch, shared out."""

from __future__ import annotations

from time import thread_time

import numpy as np

from registry.scorer import Score
from schemas.rows import Matrix

ROWS = 1000
RUNS = 15


def us_per_row(score: Score, rows: Matrix, enough: float = 0.0) -> float:
    """Microseconds a row in a batch of 1,000, the best of several runs.

    Processor time, which stays the same on a machine that has more to do than cores: everything that scores runs on one
    thread (see `registry.asking`). The best, because whatever else the machine does only ever adds to it. The first run
    warms the model up.

    Args:
        score: what is timed.
        rows: some rows (n, columns), repeated to a full batch.
        enough: stop at the first run that is at most this.
    """
    batch = np.ascontiguousarray(np.resize(rows, (ROWS, rows.shape[1])))
    score(batch)
    best = np.inf
    for _ in range(RUNS):
        start = thread_time()
        score(batch)
        best = min(best, (thread_time() - start) / ROWS * 1e6)
        if best <= enough:
            break
    return float(best)
