"""The order of a model's classes against that of the domain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ModelRejectedError


class ClassOrder:
    """Puts probabilities into the order of the domain's classes.

    Args:
        model_classes: in the order of the model's probabilities.
        classes: the domain's classes.

    Raises:
        ModelRejectedError: ("signature") the model predicts classes that the domain does not have.
    """

    def __init__(self, model_classes: Sequence[str], classes: Sequence[str]) -> None:
        if unknown := sorted(set(model_classes) - set(classes)):
            message = f"the model predicts classes unknown to the domain: {', '.join(unknown)}"
            raise ModelRejectedError("signature", message)
        self._positions = [classes.index(name) for name in model_classes]
        self._count = len(classes)

    def apply(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """From (n, model_classes) to (n, classes), with 0 for a class that training never saw."""
        if self._positions == list(range(self._count)):
            return probabilities
        ordered = np.zeros((len(probabilities), self._count))
        ordered[:, self._positions] = probabilities
        return ordered
