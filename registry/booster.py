"""Scoring with an XGBoost booster through XGBoost's C library, without its Python package.

What trees add to the time of a batch is here; `registry.serving` does what precedes and follows it.
`import xgboost` also imports scikit-learn, scipy and pandas, which takes 3.5 s and 170 MB, and each call of its
`inplace_predict` spends 0.1 ms on detecting the type of its input. The functions used here are the documented C API
(https://xgboost.readthedocs.io/en/stable/dev/group__c__api.html).
"""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from schemas.rows import Matrix

Score = Callable[[Matrix], NDArray[np.float64]]
"""From a matrix (n, columns) to predictions (n,), or to probabilities (n, classes)."""

_LIBRARY_FILE = "libxgboost.dylib" if sys.platform == "darwin" else "libxgboost.so"
# predictions in the objective's own form, from all trees, as (n, groups) even where there is one group
_PREDICT_CONFIG = (
    b'{"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, "missing": NaN, '
    b'"strict_shape": true, "cache_id": 0}'
)
_MARGIN_CONFIG = _PREDICT_CONFIG.replace(b'"type": 0', b'"type": 1')
# contributions of each column, and the bias last, as (n, groups, columns + 1)
_CONTRIBUTIONS_CONFIG = _PREDICT_CONFIG.replace(b'"type": 0', b'"type": 2')
_MATRIX_CONFIG = b'{"missing": NaN, "nthread": 1}'
_ARRAY_INTERFACE = '{"data": [%d, true], "shape": [%d, %d], "typestr": "<f8", "version": 3}'


class BoosterError(ValueError):
    """XGBoost's library rejected a stored booster or a matrix."""


class Booster:
    """A fitted booster on one thread, since a batch is too small for two.

    Args:
        stored: the booster in XGBoost's own format, `ubj` or JSON. It holds trees and parameters, and no code.

    Raises:
        BoosterError: `stored` is not a booster.
    """

    def __init__(self, stored: bytes) -> None:
        if not stored:
            raise BoosterError("it is empty")  # the library crashes on an empty buffer
        self._library = _library()
        self._handle = ctypes.c_void_p()
        self._call("XGBoosterCreate", None, ctypes.c_uint64(0), ctypes.byref(self._handle))
        finalize(self, self._library.XGBoosterFree, self._handle)
        self._call("XGBoosterLoadModelFromBuffer", self._handle, stored, ctypes.c_uint64(len(stored)))
        self._call("XGBoosterSetParam", self._handle, b"nthread", b"1")
        self._shape = ctypes.POINTER(ctypes.c_uint64)()
        self._dimensions = ctypes.c_uint64()
        self._predictions = ctypes.POINTER(ctypes.c_float)()

    def predict(self, matrix: Matrix) -> NDArray[np.float64]:
        """Predict n rows; not thread-safe.

        Args:
            matrix: float64 (n, columns) with NaN for gaps.

        Returns:
            (n, groups): one group for a regression or two classes, else one per class.

        Raises:
            BoosterError: the matrix has other columns.
        """
        return self._predict(matrix, _PREDICT_CONFIG)

    def margins(self, matrix: Matrix) -> NDArray[np.float64]:
        """The sums of the trees, before the objective's transform; otherwise as `predict`."""
        return self._predict(matrix, _MARGIN_CONFIG)

    def contributions(self, matrix: Matrix) -> NDArray[np.float64]:
        """SHAP values of n rows by TreeSHAP (Lundberg and others 2020); not thread-safe.

        They cost some hundred times as much as `predict`. Batches of 20 to 100 rows are the fastest.

        Args:
            matrix: float64 (n, columns) with NaN for gaps, at least one row.

        Returns:
            (n, groups, columns + 1): the bias is last. Each row adds up to the output before the objective's transform.

        Raises:
            BoosterError: the matrix has other columns, or the booster's trees hold no covers.
        """
        matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        rows = ctypes.c_void_p()
        self._call("XGDMatrixCreateFromDense", _described(matrix), _MATRIX_CONFIG, ctypes.byref(rows))
        try:
            predict = "XGBoosterPredictFromDMatrix"
            self._call(predict, self._handle, rows, _CONTRIBUTIONS_CONFIG, *self._result())
            return self._copied(3)
        finally:
            self._library.XGDMatrixFree(rows)

    def document(self) -> bytes:
        """The booster as JSON, in XGBoost's own format."""
        size, data = ctypes.c_uint64(), ctypes.POINTER(ctypes.c_char)()
        self._call(
            "XGBoosterSaveModelToBuffer", self._handle, b'{"format": "json"}', ctypes.byref(size), ctypes.byref(data)
        )
        return ctypes.string_at(data, size.value)

    def _predict(self, matrix: Matrix, config: bytes) -> NDArray[np.float64]:
        if not len(matrix):
            return np.empty((0, 1))
        matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        self._call("XGBoosterPredictFromDense", self._handle, _described(matrix), config, None, *self._result())
        return self._copied(2)

    def _result(self) -> tuple[Any, ...]:
        return ctypes.byref(self._shape), ctypes.byref(self._dimensions), ctypes.byref(self._predictions)

    def _copied(self, dimensions: int) -> NDArray[np.float64]:
        """What the last call returned, copied because the library overwrites its buffer in the next one."""
        shape = self._shape[:dimensions]
        stored = ctypes.string_at(self._predictions, math.prod(shape) * 4)
        return np.frombuffer(stored, dtype=np.float32).reshape(shape).astype(np.float64)

    def _call(self, function: str, *arguments: Any) -> None:
        if getattr(self._library, function)(*arguments):
            # the first line holds time, source line and message; a stack trace follows
            first, *_ = self._library.XGBGetLastError().decode(errors="replace").strip().splitlines()
            raise BoosterError(first.partition(": ")[2] or first)


def _described(matrix: Matrix) -> bytes:
    """Where a contiguous matrix is in memory, in NumPy's array interface."""
    return (_ARRAY_INTERFACE % (matrix.__array_interface__["data"][0], *matrix.shape)).encode()


@cache
def _library() -> ctypes.CDLL:
    spec = find_spec("xgboost")  # imports nothing
    if spec is None or spec.origin is None:
        raise ImportError("xgboost is not installed")
    library = ctypes.CDLL(str(Path(spec.origin).parent / "lib" / _LIBRARY_FILE))
    library.XGBGetLastError.restype = ctypes.c_char_p
    return library
