"""Limits for threads that fit models in parallel: one core each, and no changes to the process's warning filters.

Threads suffice, because fitting trees releases the interpreter's lock; starting processes would take longer than a fit.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

from sklearn.utils import parallel
from threadpoolctl import ThreadpoolController


class _NoFilters:
    """Replaces `warnings` in scikit-learn while threads fit; setting filters has no effect.

    For each task scikit-learn clears the process's filters and sets them again. If another thread reads the filters in
    between, it finds none, and warns that they were not passed on.
    """

    filters = (("default", None, Warning, None, 0),)
    catch_warnings = nullcontext
    warn = staticmethod(warnings.warn)

    def resetwarnings(self) -> None:
        """Leave the filters as they are."""

    def simplefilter(self, *_: Any, **__: Any) -> None:
        """Leave the filters as they are."""


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep parallel fits from starting more BLAS threads and from changing Python's warning filters."""
    # other code that catches warnings on a thread may restore the filters of another thread
    with warnings.catch_warnings(), _pools().limit(limits=1, user_api="blas"):
        parallel.warnings = _NoFilters()
        try:
            yield
        finally:
            parallel.warnings = warnings


@contextmanager
def one_core() -> Iterator[None]:
    """Limit this thread's OpenMP to one core; OpenMP keeps the number of cores separately for each thread."""
    with _pools().limit(limits=1, user_api="openmp"):
        yield


@cache
def _pools() -> ThreadpoolController:
    # finding the libraries takes milliseconds, and all that matter were loaded with scikit-learn
    return ThreadpoolController()
