"""From a folder to a scorer, through every check that stands before a model scores its first listing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from registry.allow_list import ALLOWED_TYPES, check_types
from registry.card import ModelCard, library_versions
from registry.cost import full_batch
from registry.folder import MODEL_FILE, read_card, signature_columns
from registry.golden import check_answers, serving_golden, stored_golden
from registry.scorer import LoadedScorer, Scorer, score_of
from registry.serving_form import read_serving_form, serving_score
from schemas.domain import Domain
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from schemas.window import layout_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SAME_MINOR = ("scikit-learn", "xgboost")
_IMPORTING = Lock()


def load_scorer(path: Path, domain: Domain) -> Scorer:
    """Load a model whose digest has been checked, and check the rest: its pipeline, and its short form if it has one.

    Args:
        path: the model's folder.
        domain: what it must have been trained for.

    Returns:
        What consumers score with; it has scored a full batch.

    Raises:
        ModelRejectedError: a check failed; `check` says which: signature, versions, allow_list or golden_rows.
        RegistryUnavailableError: it cannot be loaded now: no memory, too many open files, a disk that fails.
    """
    with _unless_not_now():
        load_libraries()
        card = _checked_card(path, domain)
        score = score_of(load_pipeline(path), domain.target.classes)
        matrix, expected = stored_golden(path, card, domain)
        check_answers(score, matrix, expected, card)
        if short := read_serving_form(path):
            score = serving_score(path, short, card)
            check_answers(score, matrix, expected, card)
            check_answers(score, *serving_golden(short, domain), card)
        score(full_batch(matrix))
        return LoadedScorer(card, score)


def load_to_serve(path: Path, domain: Domain) -> Scorer:
    """Load a model as a consumer does: by its short form if it has one, and then its pipeline is not even opened.

    Raises:
        ModelRejectedError: as `load_scorer`.
        RegistryUnavailableError: as `load_scorer`.
    """
    with _unless_not_now():
        short = read_serving_form(path)
        if short is None:
            return load_scorer(path, domain)
        card = _checked_card(path, domain)
        score = serving_score(path, short, card)
        matrix, expected = serving_golden(short, domain)
        check_answers(score, matrix, expected, card)
        score(full_batch(matrix))
        return LoadedScorer(card, score)


@contextmanager
def _unless_not_now() -> Iterator[None]:
    try:
        yield
    except (OSError, ImportError, MemoryError) as error:
        # says nothing about the model: the same one may be loaded a minute later
        message = f"the model cannot be loaded now: {str(error) or type(error).__name__}"
        raise RegistryUnavailableError(message) from error


def _checked_card(path: Path, domain: Domain) -> ModelCard:
    card = read_card(path)
    check_signature(path, card, domain)
    check_versions(card)
    return card


def load_pipeline(path: Path) -> Pipeline:
    """Build the pipeline of a model whose digest has been checked, if it holds allowed types only.

    Raises:
        ModelRejectedError: ("allow_list", "versions" or "signature") it cannot be built, or is no pipeline.
    """
    check_types(path / MODEL_FILE)
    return _build(path / MODEL_FILE)


def load_libraries() -> None:
    """Import what models are made of, which takes seconds; whoever waits for a model can do it meanwhile."""
    # skops looks modules up by name: in another thread it would find them half imported
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
    """Check that the libraries here are those that made the model, up to patches.

    Raises:
        ModelRejectedError: ("versions") another minor version is installed.
    """
    here = library_versions()
    for library in SAME_MINOR:
        made_with = card.versions.get(library, "none")
        if _minor(made_with) != _minor(here[library]):
            raise ModelRejectedError(
                "versions",
                f"the model was made with {library} {made_with}, {here[library]} is installed: train it again",
            )


def _build(model_file: Path) -> Pipeline:
    from sklearn.exceptions import InconsistentVersionWarning
    from sklearn.pipeline import Pipeline
    from skops.io import load

    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            model = load(model_file, trusted=sorted(ALLOWED_TYPES))
        except InconsistentVersionWarning as warning:
            stored, here = warning.original_sklearn_version, warning.current_sklearn_version
            raise ModelRejectedError(
                "versions", f"the model was stored by scikit-learn {stored}, {here} is installed: train it again"
            ) from warning
        except (AttributeError, ModuleNotFoundError, KeyError, TypeError, ValueError) as error:
            raise ModelRejectedError(
                "versions", f"{model_file.name} cannot be built with what is installed: {error}"
            ) from error
    if not isinstance(model, Pipeline):
        raise ModelRejectedError("signature", f"{model_file.name} holds a {type(model).__name__}, not a Pipeline")
    return model


def _minor(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])
