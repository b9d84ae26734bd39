"""The fingerprint of a fitted pipeline: equal for equal data, parameters and library versions.

`registry.digest` identifies stored bytes, which differ each time skops writes a pipeline. The fingerprint covers the
pipeline's parameters, its learned state and its predictions for the golden rows. It ignores the number of cores, and
rounds numbers to nine digits, because the order of additions may differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGITS = 9
_IGNORED = frozenset({"n_jobs", "nthread", "n_threads", "verbose"})
"""Parameters that do not change what is learned."""
_PLAIN = (str, bytes, bool, int, type(None))


def fingerprint_of(pipeline: Any, predictions: NDArray[np.float64]) -> str:
    """The fingerprint, as 64 hexadecimal characters.

    Args:
        pipeline: fitted.
        predictions: for its golden rows, shape (n,) or (n, classes).
    """
    whole = hashlib.sha256()
    for part in _parts(predictions):
        whole.update(part)
    for part in _parts(pipeline):
        whole.update(part)
    return whole.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    """A value of any type as bytes, in a stable order."""
    yield f"{type(value).__name__}:".encode()
    if isinstance(value, _PLAIN):
        yield repr(value).encode()
    elif isinstance(value, float | np.floating):
        yield f"{value:.{DIGITS - 1}e}".encode()
    elif isinstance(value, np.ndarray):
        yield from _array(value)
    elif isinstance(value, dict):
        for key, item in sorted(value.items(), key=lambda pair: repr(pair[0])):
            yield f"{key!r}=".encode()
            yield from _parts(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value if isinstance(value, list | tuple) else sorted(value, key=repr):
            yield from _parts(item)
    else:
        yield from _object(value)


def _array(array: NDArray[Any]) -> Iterable[bytes]:
    yield f"{array.shape}".encode()
    if array.dtype.names:  # the nodes of a tree
        for name in array.dtype.names:
            yield from _array(np.ascontiguousarray(array[name]))
    elif array.dtype == object:
        for item in array.ravel().tolist():
            yield from _parts(item)
    elif array.dtype.kind == "f":
        # the digits of each number, and its power of ten
        scale = 10.0 ** np.floor(np.log10(np.where(array == 0, 1, np.abs(array.astype(np.float64)))))
        digits = np.round(array / scale, DIGITS - 1) + 0.0
        yield digits.tobytes()
        yield scale.tobytes()
    else:
        yield array.tobytes()


def _object(value: Any) -> Iterable[bytes]:
    if hasattr(value, "save_raw"):  # a booster, in its own format
        yield bytes(value.save_raw("ubj"))
        return
    if callable(value) and hasattr(value, "__name__"):
        yield value.__name__.encode()
        return
    if isinstance(value, np.random.RandomState | np.random.Generator | np.dtype | type):
        # the learned values already reflect the state of a random generator
        return
    state = value.__getstate__() if hasattr(value, "__getstate__") else vars(value)
    relevant = state if not isinstance(state, dict) else {k: v for k, v in state.items() if k not in _IGNORED}
    yield from _parts(relevant)
