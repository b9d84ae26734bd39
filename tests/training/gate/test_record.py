from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from schemas.sections import TrainingSettings
from tests.models import fitted, fold_record, table_of
from training.gate.record import read_record, record_of, write_record
from training.learning.folding import FoldResult, splits_of


@pytest.mark.parametrize("domain", ["housing", "obesity"])
def test_a_record_is_read_back_unchanged(domain: str, tmp_path: Path) -> None:
    table = table_of(domain)
    record = fold_record(fitted(table, "extra-trees", trees=2), table, folds=3)
    write_record(record, tmp_path / "folds")
    loaded = read_record(tmp_path / "folds", table.domain)
    assert loaded.key == record.key
    assert loaded.train.frame.equals(table.frame)
    assert loaded.train.target.tolist() == table.target.tolist()
    assert loaded.scores.tolist() == record.scores.tolist()
    assert loaded.out_of_fold.tolist() == record.out_of_fold.tolist()
    assert loaded.metric == record.metric
    np.testing.assert_array_equal(loaded.predictions, record.predictions)
    for (train, validation), (expected_train, expected_validation) in zip(loaded.splits, record.splits, strict=True):
        np.testing.assert_array_equal(train, expected_train)
        np.testing.assert_array_equal(validation, expected_validation)


def test_other_rows_folds_seeds_or_metrics_make_another_key() -> None:
    table = table_of("housing")
    result = FoldResult(np.zeros(5), table.target)

    def key(seed: int = 1, folds: int = 5, rows: int = 506, metric: str = "rmse") -> str:
        some = table.take(np.arange(rows))
        return record_of(some, splits_of(some, TrainingSettings(seed=seed, folds=folds, repeats=1)), metric, result).key

    assert key() == key()
    assert len({key(), key(seed=2), key(folds=4), key(rows=505), key(metric="mae")}) == 5


def test_folds_take_two_bits_a_row(tmp_path: Path) -> None:
    table = table_of("housing")
    splits = splits_of(table, TrainingSettings(folds=5, repeats=5))
    write_record(record_of(table, splits, "rmse", FoldResult(np.zeros(25), table.target)), tmp_path / "folds")
    assert (tmp_path / "folds" / "folds.npz").stat().st_size < 25 * 506 / 4 + 2000
