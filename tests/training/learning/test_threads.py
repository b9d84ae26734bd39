from __future__ import annotations

import warnings

from sklearn.utils.parallel import Parallel, delayed

from training.learning.threads import one_thread_each


def _filters() -> list[object]:
    return [warnings.filters]


def test_scikit_learn_leaves_the_filters_of_warnings_alone_while_threads_fit() -> None:
    # its tasks have filters of their own otherwise, in a list that all threads see
    assert Parallel(n_jobs=1)([delayed(_filters)()])[0][0] is not warnings.filters
    before = list(warnings.filters)
    with one_thread_each():
        assert Parallel(n_jobs=1)([delayed(_filters)()])[0][0] is warnings.filters
    assert warnings.filters == before
    assert Parallel(n_jobs=1)([delayed(_filters)()])[0][0] is not warnings.filters
