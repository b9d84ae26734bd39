"""The winner that is fitted costs what it may: what its trees cost is counted again when they are grown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from registry.cost import us_per_row
from registry.scorer import score_of
from schemas.features import Features
from schemas.rows import Matrix
from tests.training.learning.made_up_tables import RentLevels, Rents, made_up_table
from training.learning.candidates import Candidate
from training.learning.counting import count_us_per_row
from training.learning.encoded_table import encode_table
from training.learning.engine import open_engine
from training.learning.fitting import Fitter
from training.learning.folding import FoldResult
from training.learning.members import BoostedMember
from training.learning.portfolio import TreeShape
from training.learning.trials import Trial


def trial_of_trees(rounds: int, cost: float) -> Trial:
    return Trial(f"{rounds} rounds", (BoostedMember(TreeShape("trees"), 0.1, rounds),), (), None, (), cost)


def candidate_of(trial: Trial, mean: float) -> Candidate:
    folds = FoldResult(np.array([mean]), np.array([0.0]))
    return Candidate(trial.name, mean, 0.1, trial.cost or 0.0, is_affordable=True, folds=folds)


def test_a_winner_whose_trees_are_dearer_than_foreseen_gives_way() -> None:
    whole = made_up_table(Rents)
    told: list[object] = []
    # as if shapes promised a tenth of what the trees cost
    trials = [trial_of_trees(rounds, rounds * 1.5e-3) for rounds in (500, 300, 100)]
    candidates = [candidate_of(trial, mean) for mean, trial in enumerate(trials, start=1)]
    table = encode_table(whole)
    with open_engine(table, 1, None) as engine:
        fitter = Fitter(whole, table, (), 1, engine, told.append)
        winner, trial, fitted = fitter.fit_affordable(trials, candidates, "rmse", 2.0)
    assert (winner.name, trial.name) == ("100 rounds", "100 rounds")
    counted = count_us_per_row(fitter.pipeline(trial, fitted), has_classes=False)
    assert counted is not None
    assert counted <= 2
    assert [each.is_affordable for each in candidates] == [False, False, True]
    assert any("left out: 500 rounds: its trees cost" in str(line) for line in told)


def test_where_nothing_is_cheap_enough_the_best_is_left_to_the_gate() -> None:
    whole = made_up_table(Rents)
    trials = [trial_of_trees(rounds, 0.1) for rounds in (80, 60)]
    candidates = [candidate_of(trial, mean) for mean, trial in enumerate(trials, start=1)]
    table = encode_table(whole)
    with open_engine(table, 1, None) as engine:
        winner, *_ = Fitter(whole, table, (), 1, engine, lambda _: None).fit_affordable(trials, candidates, "rmse", 0.2)
    assert winner.name == "80 rounds"


@pytest.mark.parametrize("contract", [Rents, RentLevels])
def test_counted_costs_are_to_each_other_as_measured_ones(contract: type[Features]) -> None:
    whole = made_up_table(contract, 600)
    table = encode_table(whole)
    counted, scores = [], []
    for shape in (TreeShape("flat", 3), TreeShape("deep", 8), TreeShape("guided", 0, 31, 3)):
        trial = Trial("trees", (BoostedMember(shape, 0.1, 120),), (), None, (), 1.0)
        with open_engine(table, 1, None) as engine:
            fitter = Fitter(whole, table, (), 1, engine, lambda _: None)
            *_, fitted = fitter.fit_affordable([trial], [candidate_of(trial, 1)], "rmse", 100)
        pipeline = fitter.pipeline(trial, fitted)
        counted.append(count_us_per_row(pipeline, has_classes=bool(table.classes)) or 0.0)
        scores.append(in_parts(score_of(pipeline, whole.domain.target.classes)))
    # in turns, because a machine that is busy meanwhile is slow for all of them
    rounds = [[us_per_row(score, table.matrix) for score in scores] for _ in range(5)]
    ratios = np.array(counted) / np.min(rounds, axis=0)
    shown = f"counted {counted}, measured {np.min(rounds, axis=0)}"
    assert ratios.max() < 2.5 * ratios.min(), shown
    # another unit would differ by more than any machine does
    assert 0.1 < ratios.min() < ratios.max() < 10, shown


def in_parts(score: Callable[[Matrix], Matrix]) -> Callable[[Matrix], Matrix]:
    """As XGBoost's library scores rows, in parts that are too small for tables of sums."""
    return lambda rows: np.concatenate([score(part) for part in np.array_split(rows, len(rows) // 125)])
