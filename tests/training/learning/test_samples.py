from __future__ import annotations

import numpy as np

from schemas.domain import load_domain
from schemas.sections import TrainingSettings
from tests.models import fitted, made_up_rows, table_of
from training.data.checking import validate
from training.data.sources import RawTable
from training.learning.samples import golden_rows, reference_rows


def test_golden_rows_have_a_gap_in_every_optional_feature_and_no_other() -> None:
    table = table_of("housing")
    pipeline = fitted(table, "linear")
    golden = golden_rows(pipeline, table, 8, seed=3)
    assert len(golden) == 8
    for feature in table.domain.features:
        assert golden[feature.column].isna().any() == feature.may_miss, feature.column
    np.testing.assert_array_equal(golden["expected"], pipeline.predict(golden[list(table.domain.columns)]))
    assert golden_rows(pipeline, table, 8, seed=3).equals(golden)


def test_golden_rows_of_classes_hold_probabilities_in_the_domains_order() -> None:
    domain = load_domain("obesity", may_miss=["CAEC", "Age"])
    table, _ = validate(domain, RawTable(made_up_rows(domain, 70), "made up"), TrainingSettings())
    golden = golden_rows(fitted(table, "random-forest"), table, 8, seed=3)
    assert list(golden.columns) == [*domain.columns, *(f"expected:{name}" for name in domain.target.classes)]
    assert golden["CAEC"].isna().any()
    np.testing.assert_allclose(golden.filter(like="expected:").sum(axis=1), 1)


def test_the_reference_is_a_sample_with_target_and_out_of_fold_predictions() -> None:
    table = table_of("housing")
    reference = reference_rows(table, np.arange(506.0), count=100, seed=3)
    assert list(reference.columns) == [*table.domain.columns, "MEDV", "prediction"]
    assert len(reference) == 100
    assert reference["MEDV"].tolist() == table.target[reference["prediction"].astype(int)].tolist()
    assert len(reference_rows(table, np.arange(506.0), count=9999, seed=3)) == 506
