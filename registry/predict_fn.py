"""Scores with a pipeline itself, for models without a serving form, such as a recipe of one's own.

A pipeline's first step, `encode`, turns raw columns into the matrix that decoded listings already form. It is skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from registry.class_order import ClassOrder
from schemas.rows import Matrix

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from registry.booster import Score


def pipeline_score(pipeline: Pipeline, classes: Sequence[str]) -> Score:
    """The function that scores a matrix with the steps of a fitted pipeline after `encode`, on one thread.

    Args:
        pipeline: fitted.
        classes: the domain's classes; empty for a regression.

    Raises:
        ModelRejectedError: ("signature") the pipeline predicts classes that the domain does not have.
    """
    from threadpoolctl import ThreadpoolController

    # threads that wait for each other make the time depend on other load
    pools, rest = ThreadpoolController(), pipeline[1:]
    predict: Any = rest.predict_proba if classes else rest.predict

    order = ClassOrder([str(name) for name in pipeline.classes_], classes) if classes else None

    def predict_on_one_thread(matrix: Matrix) -> NDArray[np.float64]:
        if not len(matrix):
            return np.empty((0, len(classes)) if classes else 0)
        with pools.limit(limits=1):
            predictions = np.asarray(predict(matrix), dtype=np.float64)
        return order.apply(predictions) if order else predictions

    return predict_on_one_thread
