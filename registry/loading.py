"""From a folder to a scorer, through every check that stands before a model scores its first listing."""

from __future__ import annotations

import warnings
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from registry.allow_list import ALLOWED_TYPES, check_types
from registry.card import ModelCard, library_versions
from registry.cost import us_per_row
from registry.folder import MODEL_FILE, read_card, read_golden, signature_columns
from registry.scorer import LoadedScorer, Score, Scorer, score_of
from schemas.domain import Domain
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from schemas.rows import Matrix, RowBuilder
from schemas.window import layout_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SAME_MINOR = ("scikit-learn", "xgboost")
_IMPORTING = Lock()


def load_scorer(path: Path, domain: Domain, max_us_per_row: float) -> Scorer:
    """Load a model whose digest has been checked, and check the rest; it has scored full batches when this returns.

    Args:
        path: the model's folder.
        domain: what it must have been trained for.
        max_us_per_row: what it may cost a row in a batch of 1,000, in microseconds; infinite where nobody asks.

    Raises:
        ModelRejectedError: a check failed; `check` says which: signature, versions, allow_list, golden_rows or cost.
        RegistryUnavailableError: it cannot be loaded now: no memory, too many open files, a disk that fails.
    """
    try:
        load_libraries()
        return _load_checked(path, domain, max_us_per_row)
    except (OSError, ImportError, MemoryError) as error:
        # says nothing about the model: the same one may be loaded a minute later
        message = f"the model cannot be loaded now: {str(error) or type(error).__name__}"
        raise RegistryUnavailableError(message) from error


def _load_checked(path: Path, domain: Domain, max_us_per_row: float) -> Scorer:
    card = read_card(path)
    check_signature(path, card, domain)
    check_versions(card)
    score = score_of(load_pipeline(path), domain.target.classes)
    rows = check_golden_rows(path, card, domain, score)
    check_cost(score, rows, max_us_per_row)
    return LoadedScorer(card, score)


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


def check_golden_rows(path: Path, card: ModelCard, domain: Domain, score: Score) -> Matrix:
    """Check that the model answers its golden rows as it did when it was trained.

    Returns:
        The golden rows as a matrix.

    Raises:
        ModelRejectedError: ("golden_rows") it does not.
    """
    rows, expected = read_golden(path, card)
    try:
        matrix = RowBuilder(domain).matrix_of_frame(rows)
    except (KeyError, ValueError) as error:
        raise ModelRejectedError("golden_rows", f"the golden rows are no rows of {domain.name}: {error}") from error
    answers = score(matrix)
    difference = float(np.max(np.abs(answers - expected)) / max(float(np.max(np.abs(expected))), np.finfo(float).tiny))
    # written so that NaN fails too
    if not difference <= card.golden_tolerance:
        raise ModelRejectedError(
            "golden_rows",
            f"golden rows are not reproduced: they differ by {difference:.2g}, {card.golden_tolerance:g} is allowed",
        )
    return matrix


def check_cost(score: Score, rows: Matrix, max_us_per_row: float) -> None:
    """Check what a row costs.

    Raises:
        ModelRejectedError: ("cost") too much, in each of several runs.
    """
    cost = us_per_row(score, rows, enough=max_us_per_row)
    if cost > max_us_per_row:
        raise ModelRejectedError(
            "cost", f"a row costs {cost:.1f} µs, {max_us_per_row:g} µs is allowed (swap.max_us_per_row)"
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
