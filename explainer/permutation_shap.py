"""SHAP values of any model by permutation, against background rows.

The value of a set of columns is the mean prediction over the background when these columns are those of the explained
row (Lundberg and Lee 2017, "A unified approach to interpreting model predictions"). Each background row is turned into
the explained one column by column, in a random order of its own and in the reverse order (Mitchell and others 2022,
"Sampling permutations for Shapley value estimation"), and a column is credited with what the prediction changes by. A
pair of orders is exact for a model in which at most two columns interact. The sum is exact for every model.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from registry.booster import Score
from schemas.rows import Matrix


class PermutationShap:
    """Explains rows of one model.

    Args:
        score: of the model: (n,) numbers, or (n, classes) probabilities.
        background: rows (m, columns).

    Attributes:
        base: mean prediction of the background: a number, or (classes,).
    """

    def __init__(self, score: Score, background: Matrix) -> None:
        self._score = score
        self._background = background
        self._predictions = score(background)
        self.base = self._predictions.mean(axis=0)

    def contributions(self, row: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What each column contributes to the prediction of one row; the same row gives the same numbers.

        Args:
            row: shape (columns,), NaN for gaps.

        Returns:
            The contributions (columns,) or (columns, classes), and the prediction () or (classes,), which `base` and
            the contributions add up to.
        """
        count, columns = self._background.shape
        # zlib's sum: a request that is answered again after a crash gets the same orders
        rank = np.random.default_rng(crc32(row.tobytes())).random((count, columns)).argsort(axis=1)
        ranks = np.stack([rank, columns - 1 - rank])
        is_other = (self._background != row) & ~(np.isnan(self._background) & np.isnan(row))
        orders = ranks.argsort(axis=2)
        # a step that changes nothing keeps the prediction, and after the last change the row is the explained one
        changed = np.take_along_axis(np.broadcast_to(is_other, ranks.shape), orders, axis=2)
        so_far = changed.cumsum(axis=2)
        is_done = so_far == so_far[:, :, -1:]
        is_scored = changed & ~is_done
        pair, number, step = np.nonzero(is_scored)
        is_taken = ranks[pair, number] <= step[:, np.newaxis]
        rows = np.where(is_taken, row, self._background[number])
        scored = self._score(np.concatenate([row[np.newaxis], rows]))
        predictions = np.concatenate([self._predictions, scored])
        # the position of each step's prediction; along an order it only grows
        places = np.zeros((2, count, columns + 1), dtype=np.int64)
        places[:, :, 0] = np.arange(count)
        places[:, :, 1:][is_scored] = np.arange(count + 1, count + 1 + len(rows))
        places = np.maximum.accumulate(places, axis=2)
        places[:, :, 1:][is_done] = count
        gains = np.diff(predictions[places], axis=2)
        if gains.ndim > ranks.ndim:
            ranks = ranks[..., np.newaxis]
        return np.take_along_axis(gains, ranks, axis=2).mean(axis=(0, 1)), scored[0]
