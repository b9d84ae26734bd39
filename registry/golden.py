"""Golden rows: rows stored with a model and its predictions for them, which a loaded model must reproduce."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from registry.booster import Score
from registry.card import ModelCard
from registry.folder import read_golden
from registry.serving.form import ServingForm
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.rows import Matrix, RowBuilder


def stored_golden(path: Path, card: ModelCard, domain: Domain) -> tuple[Matrix, NDArray[np.float64]]:
    """The golden rows of a stored model as a matrix (n, columns), and its pipeline's predictions for them.

    Raises:
        ModelRejectedError: ("golden_rows") there are none, or they are rows of another domain.
    """
    rows, expected = read_golden(path, card)
    with _rejecting_foreign_rows(domain):
        return RowBuilder(domain).matrix_of_frame(rows), expected


def serving_golden(form: ServingForm, domain: Domain) -> tuple[Matrix, NDArray[np.float64]]:
    """The same from a serving form."""
    with _rejecting_foreign_rows(domain):
        return RowBuilder(domain).matrix_of_columns(form.golden), form.predictions


@contextmanager
def _rejecting_foreign_rows(domain: Domain) -> Iterator[None]:
    try:
        yield
    except (KeyError, IndexError, ValueError) as error:
        raise ModelRejectedError("golden_rows", f"the golden rows do not fit {domain.name}: {error}") from error


def check_golden_rows(score: Score, golden: Matrix, expected: NDArray[np.float64], card: ModelCard) -> None:
    """Check that a model reproduces its predictions for the golden rows, in one batch and one by one.

    Args:
        score: of the model.
        golden: the golden rows (n, columns).
        expected: the predictions of the fitted pipeline, (n,) or (n, classes).
        card: of the model; states the tolerance.

    Raises:
        ModelRejectedError: ("golden_rows") it does not.
    """
    if not len(golden) or len(golden) != len(expected):
        raise ModelRejectedError("golden_rows", f"{len(golden)} golden rows have {len(expected)} predictions")
    together = score(golden)
    alone = np.concatenate([score(golden[row : row + 1]) for row in range(len(golden))])
    for how, predictions in (("in one batch", together), ("one by one", alone)):
        check_predictions(predictions, expected, card, how)


def check_predictions(
    predictions: NDArray[np.float64], expected: NDArray[np.float64], card: ModelCard, how: str
) -> None:
    """Check that predictions of the golden rows are those that are expected; raises as `check_golden_rows`.

    Args:
        predictions: (n,) or (n, classes).
        expected: the same.
        card: of the model; states the tolerance.
        how: they were made, for the message.
    """
    if predictions.shape != expected.shape:
        message = f"golden rows have predictions of shape {predictions.shape}, and not {expected.shape}"
        raise ModelRejectedError("golden_rows", message)
    scale = max(float(np.max(np.abs(expected))), np.finfo(float).tiny)
    difference = float(np.max(np.abs(predictions - expected)) / scale)
    # negated, so that NaN fails too
    if not difference <= card.golden_tolerance:
        message = f"golden rows differ by {difference:.2g} from the stored predictions, scored {how}"
        raise ModelRejectedError("golden_rows", f"{message}; allowed is {card.golden_tolerance:g}")
