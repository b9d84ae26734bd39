"""Which types a stored model may hold besides those that skops itself holds to be harmless.

MLflow reads the list of trusted types from the model it is about to load, so a crafted model vouches for itself. Ours
stands here, is exact, and is checked before anything is built.
"""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

from schemas.errors import ModelRejectedError

ALLOWED_TYPES: frozenset[str] = frozenset(
    {
        # the dtype that an imputer and an encoder remember; holds no code
        "numpy.dtype",
        # steps of our own, which come with this project and run only what stands there
        "registry.steps.derive.Derive",
        "registry.steps.keep_by_shap.KeepByShap",
        "registry.steps.kriging.Kriging",
        # a dictionary whose keys read as attributes, in which a vote names its voices
        "sklearn.utils._bunch.Bunch",
        # the arrays of one fitted decision tree; its indices are not checked when it predicts, which the digest covers
        "sklearn.tree._tree.Tree",
        # the same of a tree over histograms
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        # a booster rebuilds itself from its own binary format, in C++, running no Python
        "xgboost.core.Booster",
        # the estimators around a booster: parameters only
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRegressor",
    }
)


def check_types(model_file: Path) -> None:
    """Check that a skops file names only allowed types; builds nothing.

    Raises:
        ModelRejectedError: ("allow_list") it names others, or is no skops file.
    """
    from skops.io import get_untrusted_types

    if not model_file.is_file():
        raise ModelRejectedError(
            "allow_list", f"no {model_file.name} in the stored model: other formats are not loaded"
        )
    try:
        found = get_untrusted_types(file=model_file)
    except (BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ModelRejectedError(
            "allow_list", f"{model_file.name} is no skops file that can be read: {error}"
        ) from error
    if foreign := sorted(set(found) - ALLOWED_TYPES):
        raise ModelRejectedError(
            "allow_list", f"{model_file.name} names types that are not allowed: {', '.join(foreign)}"
        )
