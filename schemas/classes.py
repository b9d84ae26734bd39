"""Which class a set of probabilities names: the most probable, and of equals the first in the alphabet.

That is what scikit-learn answers, which keeps classes sorted, so a model loaded with `mlflow.pyfunc` and the stream say
the same. A domain lists its classes in their natural order, and probabilities come in that order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray


def winner_of(probabilities: Sequence[float], classes: Sequence[str]) -> str:
    """The class that one row's probabilities name."""
    highest = max(probabilities)
    if probabilities.count(highest) == 1:
        return classes[probabilities.index(highest)]
    return min(name for name, value in zip(classes, probabilities, strict=True) if value == highest)


def winners_of(probabilities: NDArray[np.float64], classes: tuple[str, ...]) -> NDArray[np.int64]:
    """The position among the classes of what each of n rows names, shape (n,), from probabilities (n, classes)."""
    alphabet = _alphabet(classes)
    winners: NDArray[np.int64] = alphabet[probabilities[:, alphabet].argmax(axis=1)]
    return winners


@cache
def _alphabet(classes: tuple[str, ...]) -> NDArray[np.int64]:
    return np.array(sorted(range(len(classes)), key=classes.__getitem__), dtype=np.int64)
