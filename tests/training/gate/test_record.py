from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from schemas.sections import TrainingSettings
from tests.models import fitted, fold_record, table_of
from training.gate.record import read_record, record_of, write_record
from training.learning.folding import FoldResult, splits_of


@pytest.mark.parametrize("domain", ["housing", "obesity"])
def test_a_record_comes_back_as_it_was_written(domain: str, tmp_path: Path) -> None:
    table = table_of(domain)
    record = fold_record(fitted(table, "random-forest", trees=2), table, folds=3)
    write_record(record, tmp_path / "folds")
    found = read_record(tmp_path / "folds", table.domain)
    assert found.key == record.key
    assert found.learn.frame.equals(table.frame)
    assert found.learn.target.tolist() == table.target.tolist()
    assert found.scores.tolist() == record.scores.tolist()
    assert found.out_of_fold.tolist() == record.out_of_fold.tolist()
    for (learn, judge), (wanted_learn, wanted_judge) in zip(found.splits, record.splits, strict=True):
        np.testing.assert_array_equal(learn, wanted_learn)
        np.testing.assert_array_equal(judge, wanted_judge)


def test_other_rows_folds_or_seeds_make_another_key() -> None:
    table = table_of("housing")
    result = FoldResult(np.zeros(5), table.target)

    def key(seed: int = 1, folds: int = 5, rows: int = 506) -> str:
        some = table.take(np.arange(rows))
        return record_of(some, splits_of(some, TrainingSettings(seed=seed, folds=folds, repeats=1)), result).key

    assert key() == key()
    assert len({key(), key(seed=2), key(folds=4), key(rows=505)}) == 4


def test_folds_take_two_bits_a_row(tmp_path: Path) -> None:
    table = table_of("housing")
    splits = splits_of(table, TrainingSettings(folds=5, repeats=5))
    write_record(record_of(table, splits, FoldResult(np.zeros(25), table.target)), tmp_path / "folds")
    assert (tmp_path / "folds" / "folds.npz").stat().st_size < 25 * 506 / 4 + 2000
