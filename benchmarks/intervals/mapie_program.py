"""The program that runs MAPIE on one outer fold, in the environment of `make bench-intervals`.

``python mapie_program.py REQUEST ANSWER``: both are NumPy archives. It does not import the product: MAPIE gets the
product's predictions from an estimator that returns what it is given.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any


def main(request_file: str, answer_file: str) -> None:
    """Calibrate on the out-of-fold predictions, and write the ranges of the test rows."""
    import numpy as np
    from mapie.classification import SplitConformalClassifier
    from mapie.regression import SplitConformalRegressor
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    class GivenNumbers(RegressorMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, rows: Any, target: Any) -> Any:  # noqa: ARG002 - MAPIE asks for it and does not call it
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict(self, rows: Any) -> Any:
            return np.asarray(rows)[:, 0]

    class GivenShares(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, rows: Any, target: Any) -> Any:  # noqa: ARG002 - MAPIE asks for it and does not call it
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict_proba(self, rows: Any) -> Any:
            return np.asarray(rows)

        def predict(self, rows: Any) -> Any:
            return np.asarray(rows).argmax(axis=1)

    request = np.load(request_file)
    options = {
        "confidence_level": float(request["coverage"]),
        "conformity_score": str(request["score"]),
        "prefit": True,
    }
    if classes := int(request["classes"]):
        given = GivenShares()
        given.classes_ = np.arange(classes)
        sets = SplitConformalClassifier(given, random_state=1, **options)
        sets.conformalize(request["out_of_fold"], request["truth"])
        ranges = sets.predict_set(request["predicted"])[1][:, :, 0]
    else:
        intervals = SplitConformalRegressor(GivenNumbers(), **options)
        intervals.conformalize(request["out_of_fold"][:, np.newaxis], request["truth"])
        ranges = intervals.predict_interval(request["predicted"][:, np.newaxis])[1][:, :, 0]
    np.savez(answer_file, ranges=ranges)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:3])
