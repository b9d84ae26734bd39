"""Background rows are stored with a model, and 100 of them explain as 200 do."""

from __future__ import annotations

import numpy as np

from explainer.permutation_shap import PermutationShap
from registry.background import choose_background, read_background
from registry.scorer import score_of
from schemas.rows import RowBuilder
from tests.models import SmallModel, fitted, table_of


def test_the_background_is_stored_under_the_digest(versions: dict[str, SmallModel]) -> None:
    background = read_background(versions["permutation_shap"].folder)
    assert background is not None
    assert background.shape == (100, 13)
    assert read_background(versions["none"].folder) is None


def test_100_rows_explain_as_200_do() -> None:
    table = table_of("housing")
    matrix = RowBuilder(table.domain).matrix_of_frame(table.frame)
    score = score_of(fitted(table, trees=60), ())
    few, many = (PermutationShap(score, choose_background(matrix, seed=1, count=count)) for count in (100, 200))
    rows = matrix[::20]
    differences = [
        np.abs(few.contributions(row)[0] - many.contributions(row)[0]).max() / score(row[np.newaxis])[0] for row in rows
    ]
    assert np.quantile(differences, 0.95) < 0.03
    assert np.mean(differences) < 0.015
