"""Threads that fit models side by side: each on one core, and none spoiling what belongs to the whole process.

Fitting trees lets go of the interpreter, and starting processes takes longer than these tables.
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
    """What scikit-learn sees of `warnings` while threads fit: filters that it may set, to no effect.

    For each task it empties the process's filters and writes them again, even on the thread that it is on. Of two
    threads one then finds no filters where the other has just emptied them, and warns that they were not handed on.
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
    """While several threads fit side by side, none of them shall start more, and none may change Python's warnings."""
    # whoever else catches warnings on a thread may put back the filters of another one
    with warnings.catch_warnings(), _pools().limit(limits=1, user_api="blas"):
        parallel.warnings = _NoFilters()
        try:
            yield
        finally:
            parallel.warnings = warnings


@contextmanager
def one_core() -> Iterator[None]:
    """What this thread does runs on one core, also where it uses OpenMP, which keeps that number thread by thread."""
    with _pools().limit(limits=1, user_api="openmp"):
        yield


@cache
def _pools() -> ThreadpoolController:
    # finding the libraries takes milliseconds; those that count were imported with scikit-learn
    return ThreadpoolController()
