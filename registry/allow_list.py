"""The types that a stored model may hold besides those that skops trusts by default.

MLflow reads the list of trusted types from the model that it is about to load, so a crafted model could allow any type.
This list is exact, is not part of the model, and is checked before any object is built. An operator admits further
types, for recipes of one's own, with `allowed_types` in params.yaml; building them may run code of their packages.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

from schemas.errors import ModelRejectedError
from schemas.settings import load_settings

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


def allowed_types() -> list[str]:
    """The product's own list, and what `allowed_types` in params.yaml adds; sorted.

    Raises:
        ConfigurationError: params.yaml or a variable is wrong.
    """
    settings = load_settings()
    return sorted({*ALLOWED_TYPES, *settings.allowed_types})


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
    if forbidden := sorted(set(types) - set(allowed_types())):
        raise ModelRejectedError("allow_list", f"{model_file.name} names {not_allowed(forbidden)}")


def not_allowed(types: Sequence[str]) -> str:
    """What to say of types that are not allowed: their names, and the way out."""
    listed = ", ".join(types)
    return f"types that are not allowed: {listed}; if they are yours, add them to allowed_types in params.yaml"
