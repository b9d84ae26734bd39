from __future__ import annotations

import warnings

from sklearn.utils.parallel import Parallel, delayed

from training.learning.threads import one_thread_each


def _filters() -> list[object]:
    return [warnings.filters]


def test_scikit_learn_does_not_change_warning_filters_while_threads_fit() -> None:
    # without one_thread_each its tasks replace the filters, which all threads share
    assert Parallel(n_jobs=1)([delayed(_filters)()])[0][0] is not warnings.filters
    before = list(warnings.filters)
    with one_thread_each():
        assert Parallel(n_jobs=1)([delayed(_filters)()])[0][0] is warnings.filters
    assert warnings.filters == before
    assert Parallel(n_jobs=1)([delayed(_filters)()])[0][0] is not warnings.filters
