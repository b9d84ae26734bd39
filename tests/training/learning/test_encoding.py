from __future__ import annotations

import numpy as np
import pytest

from schemas.domain import Domain, load_domain
from schemas.rows import RowBuilder
from tests.models import made_up_rows
from training.learning.encoding import encoder, filler, scaler

DOMAINS = [
    load_domain("housing"),
    load_domain("obesity"),
    load_domain("obesity", may_miss=["Gender", "Age", "CAEC", "MTRANS"]),
]


@pytest.mark.parametrize("domain", DOMAINS, ids=["housing", "obesity", "obesity with gaps"])
def test_the_encoded_table_is_the_matrix_built_from_listings(domain: Domain) -> None:
    frame = made_up_rows(domain, 60)
    for number, feature in enumerate(domain.features):
        if feature.may_miss:
            frame.loc[number :: len(domain.features), feature.column] = np.nan
    expected = RowBuilder(domain).matrix_of_frame(frame)
    assert np.isnan(expected).any() == any(feature.may_miss for feature in domain.features)
    encoded = encoder(domain).fit_transform(frame[list(reversed(frame.columns))])
    np.testing.assert_array_equal(encoded, expected)


def test_an_undeclared_category_raises_an_error() -> None:
    domain = load_domain("obesity")
    frame = made_up_rows(domain, 10)
    fitted = encoder(domain).fit(frame)
    with pytest.raises(ValueError, match="Rocket"):
        fitted.transform(frame.assign(MTRANS="Rocket"))


def test_each_gap_is_filled_by_its_features_strategy() -> None:
    domain = load_domain("housing")
    matrix = RowBuilder(domain).matrix_of_frame(made_up_rows(domain, 61))
    matrix[:, 3] = [0, 1, 1, *[0] * 30, *[1] * 28]
    with_gaps = matrix.copy()
    with_gaps[0] = np.nan
    filled = filler(domain).fit(with_gaps[1:]).transform(with_gaps)
    for position, feature in enumerate(domain.features):
        values, counts = np.unique(matrix[1:, position], return_counts=True)
        expected = np.median(matrix[1:, position]) if feature.fill == "median" else values[counts.argmax()]
        assert filled[0, position] == expected, feature.column
    np.testing.assert_array_equal(filled[1:], matrix[1:])


def test_a_column_without_values_keeps_its_position() -> None:
    domain = load_domain("housing")
    matrix = RowBuilder(domain).matrix_of_frame(made_up_rows(domain, 20))
    matrix[:, 2] = np.nan
    filled = filler(domain).fit_transform(matrix)
    assert filled.shape == matrix.shape
    np.testing.assert_array_equal(filled[:, 5], matrix[:, 5])


def test_scaling_gives_each_category_a_column_and_scales_derived_columns() -> None:
    domain = load_domain("obesity")
    matrix = RowBuilder(domain).matrix_of_frame(made_up_rows(domain, 80))
    derived = np.column_stack([matrix, matrix[:, 3] / matrix[:, 2] ** 2])
    scaled = scaler(domain).fit_transform(derived)
    categories = sum(len(feature.categories) for feature in domain.features)
    numbers = sum(not feature.categories for feature in domain.features)
    assert scaled.shape == (80, categories + numbers + 1)
    np.testing.assert_array_equal(scaled[:, :2].sum(axis=1), 1)
    np.testing.assert_allclose(scaled[:, 2:5].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled[:, -1].std(), 1)
