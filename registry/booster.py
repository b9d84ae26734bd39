"""An XGBoost booster through XGBoost's C library, without its Python package.

`import xgboost` imports scikit-learn, scipy and pandas with it: 3.5 s and 170 MB that scoring has no use for, and each
call of its `inplace_predict` spends 0.1 ms on finding out what kind of table it was given. The functions used here are
the documented interface of the library for other languages
(https://xgboost.readthedocs.io/en/stable/dev/group__c__api.html).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

_FILE = "libxgboost.dylib" if sys.platform == "darwin" else "libxgboost.so"
# the answers as the objective has them, from all trees, as (n, groups) even where there is one group
_HOW = (
    b'{"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, "missing": NaN, '
    b'"strict_shape": true, "cache_id": 0}'
)
_MATRIX = '{"data": [%d, true], "shape": [%d, %d], "typestr": "<f8", "version": 3}'


class BoosterError(ValueError):
    """The library refused: that is no booster, or no matrix for this one."""


class Booster:
    """A fitted booster on one thread, since a batch is too small for two.

    Args:
        stored: the booster in XGBoost's own format, `ubj` or JSON. It holds trees and parameters, and no code.

    Attributes:
        columns: how many it takes.

    Raises:
        BoosterError: that is no booster.
    """

    def __init__(self, stored: bytes) -> None:
        if not stored:
            raise BoosterError("it is empty")  # which the library does not survive
        self._library = _library()
        self._handle = ctypes.c_void_p()
        self._call("XGBoosterCreate", None, ctypes.c_uint64(0), ctypes.byref(self._handle))
        finalize(self, self._library.XGBoosterFree, self._handle)
        self._call("XGBoosterLoadModelFromBuffer", self._handle, stored, ctypes.c_uint64(len(stored)))
        self._call("XGBoosterSetParam", self._handle, b"nthread", b"1")
        columns = ctypes.c_uint64()
        self._call("XGBoosterGetNumFeature", self._handle, ctypes.byref(columns))
        self.columns = columns.value
        self._shape = ctypes.POINTER(ctypes.c_uint64)()
        self._dimensions = ctypes.c_uint64()
        self._answers = ctypes.POINTER(ctypes.c_float)()

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict n rows; not from two threads at once.

        Args:
            matrix: float64 (n, columns) with NaN for gaps.

        Returns:
            (n, groups): one group of a regression or of two classes, else one for each class.

        Raises:
            BoosterError: the matrix has other columns.
        """
        if not len(matrix):
            return np.empty((0, 1))
        matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        described = (_MATRIX % (matrix.__array_interface__["data"][0], *matrix.shape)).encode()
        self._call(
            "XGBoosterPredictFromDense",
            *(self._handle, described, _HOW, None),
            *(ctypes.byref(self._shape), ctypes.byref(self._dimensions), ctypes.byref(self._answers)),
        )
        rows, groups = self._shape[0], self._shape[1]
        # the library's memory is good until the next call, so it is copied
        answers = ctypes.string_at(self._answers, rows * groups * 4)
        return np.frombuffer(answers, dtype=np.float32).reshape(rows, groups).astype(np.float64)

    def _call(self, function: str, *arguments: Any) -> None:
        if getattr(self._library, function)(*arguments):
            # time and place in the library's source stand before, a stack trace follows
            told, *_ = self._library.XGBGetLastError().decode(errors="replace").strip().splitlines()
            raise BoosterError(told.partition(": ")[2] or told)


@cache
def _library() -> ctypes.CDLL:
    spec = find_spec("xgboost")  # imports nothing
    if spec is None or spec.origin is None:
        raise ImportError("xgboost is not installed")
    library = ctypes.CDLL(str(Path(spec.origin).parent / "lib" / _FILE))
    library.XGBGetLastError.restype = ctypes.c_char_p
    return library
