"""The types that a stored model may hold besides those that skops trusts by default.

MLflow reads the list of trusted types from the model that it is about to load, so a crafted model could allow any type.
This list is exact, is not part of the model, and is checked before any object is built.
"""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

from schemas.errors import ModelRejectedError

ALLOWED_TYPES: frozenset[str] = frozenset(
    {
        # the dtype of an imputer and an encoder; holds no code
        "numpy.dtype",
        # the product's own pipeline steps
        "registry.steps.boosting.BoostedClassifier",
        "registry.steps.boosting.BoostedRegressor",
        "registry.steps.derive.Derive",
        "registry.steps.keep_by_shap.KeepByShap",
        "registry.steps.kriging.Kriging",
        "registry.steps.rounding.Float32Rounder",
        "registry.steps.sharpening.SharpenedClassifier",
        # a dictionary with attribute access, in which a voting estimator names its members
        "sklearn.utils._bunch.Bunch",
        # the arrays of a fitted decision tree; prediction does not check its indices, so the digest must protect them
        "sklearn.tree._tree.Tree",
        # the same for a tree over histograms
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        # a booster rebuilds itself from its own binary format, in C++, running no Python
        "xgboost.core.Booster",
        # the estimators around a booster: parameters only
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRegressor",
    }
)


def check_types(model_file: Path) -> None:
    """Check that a skops file names only allowed types, without building any object.

    Raises:
        ModelRejectedError: ("allow_list") it names others, or is not a skops file.
    """
    from skops.io import get_untrusted_types

    if not model_file.is_file():
        raise ModelRejectedError(
            "allow_list", f"the stored model has no {model_file.name}; other formats are not loaded"
        )
    try:
        types = get_untrusted_types(file=model_file)
    except (BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ModelRejectedError("allow_list", f"{model_file.name} is not a readable skops file: {error}") from error
    if forbidden := sorted(set(types) - ALLOWED_TYPES):
        raise ModelRejectedError(
            "allow_list", f"{model_file.name} names types that are not allowed: {', '.join(forbidden)}"
        )
