"""Loads a stored model as a scorer, after all checks that a model must pass before it scores its first listing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from registry.allow_list import allowed_types, check_types
from registry.calibration import read_calibration
from registry.card import ModelCard, library_versions
from registry.cost import full_batch
from registry.folder import MODEL_FILE, read_card, signature_columns
from registry.golden import check_golden_rows, check_predictions, serving_golden, stored_golden
from registry.predict_fn import pipeline_score
from registry.scorer import LoadedScorer, Scorer, check_first_step
from registry.serving.form import read_serving_form, serving_score
from schemas.domain import Domain
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from schemas.window import layout_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SAME_MINOR = ("scikit-learn", "xgboost")
_IMPORTING = Lock()


def load_scorer(path: Path, domain: Domain) -> Scorer:
    """Load a model whose digest has been checked, and check its pipeline, and its serving form if it has one.

    Args:
        path: the model's folder.
        domain: that it must have been trained for.

    Returns:
        A scorer as consumers use it; it has scored a full batch.

    Raises:
        ModelRejectedError: a check failed; `check` says which: signature, versions, allow_list or golden_rows.
        RegistryUnavailableError: it cannot be loaded now: out of memory, too many open files, a disk error.
    """
    with _unavailable_on_system_errors():
        load_libraries()
        card = _checked_card(path, domain)
        pipeline = load_pipeline(path)
        check_first_step(pipeline)
        score = pipeline_score(pipeline, domain.target.classes)
        matrix, expected = stored_golden(path, card, domain)
        if form := read_serving_form(path):
            check_predictions(score(matrix), expected, card, "by the pipeline")
            score = serving_score(path, form, card)
            check_golden_rows(score, *serving_golden(form, domain), card)
        check_golden_rows(score, matrix, expected, card)
        score(full_batch(matrix))
        return LoadedScorer(card, score, read_calibration(path, card))


def load_to_serve(path: Path, domain: Domain) -> Scorer:
    """Load a model as a consumer does: from its serving form if it has one, without opening its pipeline.

    Raises:
        ModelRejectedError: as `load_scorer`.
        RegistryUnavailableError: as `load_scorer`.
    """
    with _unavailable_on_system_errors():
        form = read_serving_form(path)
        if form is None:
            return load_scorer(path, domain)
        card = _checked_card(path, domain)
        score = serving_score(path, form, card)
        matrix, expected = serving_golden(form, domain)
        check_golden_rows(score, matrix, expected, card)
        score(full_batch(matrix))
        return LoadedScorer(card, score, read_calibration(path, card))


@contextmanager
def _unavailable_on_system_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, ImportError, MemoryError) as error:
        # these say nothing about the model, which may load a minute later
        message = f"the model cannot be loaded now: {str(error) or type(error).__name__}"
        raise RegistryUnavailableError(message) from error


def _checked_card(path: Path, domain: Domain) -> ModelCard:
    card = read_card(path)
    check_signature(path, card, domain)
    check_versions(card)
    return card


def load_pipeline(path: Path) -> Pipeline:
    """Load the pipeline of a model whose digest has been checked, if it holds allowed types only.

    Raises:
        ModelRejectedError: ("allow_list", "versions" or "signature") it cannot be loaded, or is not a pipeline.
    """
    from sklearn.exceptions import InconsistentVersionWarning
    from sklearn.pipeline import Pipeline
    from skops.io import load

    check_types(path / MODEL_FILE)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            model = load(path / MODEL_FILE, trusted=allowed_types())
        except InconsistentVersionWarning as warning:
            stored, installed = warning.original_sklearn_version, warning.current_sklearn_version
            raise ModelRejectedError(
                "versions", f"the model was stored by scikit-learn {stored}, {installed} is installed: train it again"
            ) from warning
        except (AttributeError, ModuleNotFoundError, KeyError, TypeError, ValueError) as error:
            raise ModelRejectedError(
                "versions", f"{MODEL_FILE} cannot be loaded with the installed libraries: {error}"
            ) from error
    if not isinstance(model, Pipeline):
        raise ModelRejectedError("signature", f"{MODEL_FILE} holds a {type(model).__name__}, not a Pipeline")
    return model


def load_libraries() -> None:
    """Import the libraries that models need, which takes seconds; a process can do this before a model arrives."""
    # skops looks modules up by name, and would find them half imported by another thread
    with _IMPORTING:
        import sklearn.ensemble
        import sklearn.pipeline
        import skops.io
        import xgboost

        _ = skops.io, sklearn.ensemble, sklearn.pipeline, xgboost


def check_signature(path: Path, card: ModelCard, domain: Domain) -> None:
    """Check that the model takes this domain's columns.

    Raises:
        ModelRejectedError: ("signature") it does not.
    """
    if card.domain != domain.name:
        raise ModelRejectedError("signature", f"the model was trained for domain {card.domain}, not {domain.name}")
    for columns in (card.columns, signature_columns(path)):
        if columns != domain.columns:
            raise ModelRejectedError(
                "signature",
                f"the model takes columns {', '.join(columns)}; {domain.name} has {', '.join(domain.columns)}",
            )
    if card.layout != layout_of(domain):
        raise ModelRejectedError(
            "signature", f"types, categories or classes of {domain.name} have changed since training"
        )


def check_versions(card: ModelCard) -> None:
    """Check that the installed libraries are those that made the model, except for patch versions.

    Raises:
        ModelRejectedError: ("versions") another minor version is installed.
    """
    installed = library_versions()
    for library in SAME_MINOR:
        made_with = card.versions.get(library, "none")
        if _minor(made_with) != _minor(installed[library]):
            raise ModelRejectedError(
                "versions",
                f"the model was made with {library} {made_with}, {installed[library]} is installed: train it again",
            )


def _minor(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])
