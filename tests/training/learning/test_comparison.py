from __future__ import annotations

import numpy as np
import pytest

from training.learning.comparison import compare, interval_of
from training.learning.folding import Split

FOLDS: list[Split] = [(np.arange(80), np.arange(20)) for _ in range(25)]


def test_the_corrected_interval_is_that_of_nadeau_and_bengio() -> None:
    rng = np.random.default_rng(5)
    others = rng.normal(3.3, 0.6, 25)
    gains = rng.normal(0.185, 0.37, 25)
    result = compare(others - gains, others, "rmse", FOLDS)
    scale, spread = others.mean(), gains.std(ddof=1)
    assert result.gain == pytest.approx(gains.mean() / scale)
    # Student's t of 24 degrees of freedom at 97.5 % is 2.0639
    assert result.naive_high - result.gain == pytest.approx(2.0639 * spread * np.sqrt(1 / 25) / scale, rel=1e-4)
    assert result.gain - result.low == pytest.approx(2.0639 * spread * np.sqrt(1 / 25 + 20 / 80) / scale, rel=1e-4)
    assert result.won == np.mean(gains > 0)


def test_higher_is_better_for_shares_and_lower_for_errors() -> None:
    high, low = np.linspace(0.9, 0.95, 25), np.linspace(0.8, 0.85, 25)
    assert compare(high, low, "accuracy", FOLDS).won == 1
    assert compare(high, low, "rmse", FOLDS).won == 0


def test_a_tie_counts_as_half_a_win_and_no_gain() -> None:
    scores = np.linspace(3, 4, 25)
    result = compare(scores, scores, "rmse", FOLDS)
    assert (result.gain, result.low, result.high, result.won) == (0, 0, 0, 0.5)


def test_one_fold_gives_an_infinite_interval() -> None:
    result = compare(np.array([3.0]), np.array([4.0]), "rmse", FOLDS[:1])
    assert (result.low, result.high) == (-np.inf, np.inf)
    assert interval_of(np.array([3.0]), FOLDS[:1]) == (-np.inf, np.inf)


@pytest.mark.parametrize("scores", [np.ones(24), np.full(25, np.nan)], ids=["too few", "not a number"])
def test_scores_that_cannot_be_compared_raise_an_error(scores: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    with pytest.raises(ValueError, match=r"scores for 25 folds|not a finite number"):
        compare(scores, np.ones(25), "rmse", FOLDS)
