"""Golden rows: what a model answered when it was trained, and whether it still does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from registry.card import ModelCard
from registry.folder import read_golden
from registry.scorer import Score
from registry.serving_form import ServingForm
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.rows import Matrix, RowBuilder

Answers = NDArray[np.float64]


def stored_golden(path: Path, card: ModelCard, domain: Domain) -> tuple[Matrix, Answers]:
    """The golden rows of a stored model as a matrix (n, columns), and what its pipeline answered.

    Raises:
        ModelRejectedError: ("golden_rows") there are none, or they are rows of something else.
    """
    rows, expected = read_golden(path, card)
    with _rows_of(domain):
        return RowBuilder(domain).matrix_of_frame(rows), expected


def serving_golden(short: ServingForm, domain: Domain) -> tuple[Matrix, Answers]:
    """The same out of a short form."""
    with _rows_of(domain):
        return RowBuilder(domain).matrix_of_columns(short.golden), short.answers


@contextmanager
def _rows_of(domain: Domain) -> Iterator[None]:
    try:
        yield
    except (KeyError, IndexError, ValueError) as error:
        raise ModelRejectedError("golden_rows", f"the golden rows are no rows of {domain.name}: {error}") from error


def check_answers(score: Score, golden: Matrix, expected: Answers, card: ModelCard) -> None:
    """Check that a model answers its golden rows as it did when it was trained.

    Args:
        score: of the model.
        golden: the golden rows (n, columns).
        expected: what the fitted pipeline answered, (n,) or (n, classes).
        card: says how far answers may differ.

    Raises:
        ModelRejectedError: ("golden_rows") it does not.
    """
    answers = score(golden)
    if not len(golden) or answers.shape != expected.shape:
        raise ModelRejectedError("golden_rows", f"{len(golden)} golden rows have {expected.shape} answers")
    difference = float(np.max(np.abs(answers - expected)) / max(float(np.max(np.abs(expected))), np.finfo(float).tiny))
    # written so that NaN fails too
    if not difference <= card.golden_tolerance:
        raise ModelRejectedError(
            "golden_rows",
            f"golden rows are not reproduced: they differ by {difference:.2g}, {card.golden_tolerance:g} is allowed",
        )
