"""The fingerprint of a fitted pipeline: the same for the same data, parameters and versions, whenever it is fitted.

`registry.digest` names stored bytes, which differ each time, since skops writes them anew. The fingerprint covers what
the pipeline learned and was given, and what it answers to its golden rows. How many cores it used is left out, and
numbers count to nine digits: sums may be added up in another order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGITS = 9
_LEFT_OUT = frozenset({"n_jobs", "nthread", "n_threads", "verbose"})
"""Parameters that change nothing that is learnt."""
_PLAIN = (str, bytes, bool, int, type(None))


def fingerprint_of(pipeline: Any, answers: NDArray[np.float64]) -> str:
    """The fingerprint, as 64 hexadecimal characters.

    Args:
        pipeline: fitted.
        answers: what it says of its golden rows, shape (n,) or (n, classes).
    """
    whole = hashlib.sha256()
    for part in _parts(answers):
        whole.update(part)
    for part in _parts(pipeline):
        whole.update(part)
    return whole.hexdigest()


def _parts(value: Any) -> Iterator[bytes]:
    """The value as bytes, whatever it holds, in an order that does not change."""
    yield f"{type(value).__name__}:".encode()
    if isinstance(value, _PLAIN):
        yield repr(value).encode()
    elif isinstance(value, float | np.floating):
        yield f"{value:.{DIGITS - 1}e}".encode()
    elif isinstance(value, np.ndarray):
        yield from _array(value)
    elif isinstance(value, dict):
        for key, held in sorted(value.items(), key=lambda item: repr(item[0])):
            yield f"{key!r}=".encode()
            yield from _parts(held)
    elif isinstance(value, list | tuple | set | frozenset):
        for held in value if isinstance(value, list | tuple) else sorted(value, key=repr):
            yield from _parts(held)
    else:
        yield from _object(value)


def _array(array: NDArray[Any]) -> Iterable[bytes]:
    yield f"{array.shape}".encode()
    if array.dtype.names:  # the nodes of a tree
        for name in array.dtype.names:
            yield from _array(np.ascontiguousarray(array[name]))
    elif array.dtype == object:
        for held in array.ravel().tolist():
            yield from _parts(held)
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
        # a generator stands where the fit left it, which the learnt values show
        return
    state = value.__getstate__() if hasattr(value, "__getstate__") else vars(value)
    kept = state if not isinstance(state, dict) else {k: v for k, v in state.items() if k not in _LEFT_OUT}
    yield from _parts(kept)
