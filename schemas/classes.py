"""The predicted class of a row of probabilities: the most probable, and among equals the first in the alphabet.

Of two classes, a model may predict one from another probability than a half on (`training.threshold`).

Scikit-learn, which keeps classes sorted, predicts the same, so that a model loaded with `mlflow.pyfunc` and the stream
agree. Probabilities are in the order in which the domain declares its classes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from schemas.frozen_model import FrozenModel


class ClassThreshold(FrozenModel):
    """From which probability on one of two classes is predicted.

    Attributes:
        name: of the class.
        probability: that it needs at least.
    """

    name: str
    probability: float = Field(gt=0, lt=1)


def winners_of(
    probabilities: NDArray[np.float64], classes: tuple[str, ...], threshold: ClassThreshold | None = None
) -> NDArray[np.int64]:
    """The positions among the classes of the predicted classes (n,), from probabilities (n, classes)."""
    if threshold is not None:
        position = classes.index(threshold.name)
        return np.where(probabilities[:, position] >= threshold.probability, position, 1 - position)
    alphabetical = _alphabetical(classes)
    winners: NDArray[np.int64] = alphabetical[probabilities[:, alphabetical].argmax(axis=1)]
    return winners


@cache
def _alphabetical(classes: tuple[str, ...]) -> NDArray[np.int64]:
    return np.array(sorted(range(len(classes)), key=classes.__getitem__), dtype=np.int64)
