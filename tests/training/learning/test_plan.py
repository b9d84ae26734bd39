"""The plan of a training: it depends on table, budget and settings alone, fits the budget, and says what not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from schemas.sections import TrainingSettings
from tests.training.learning.made_up_tables import RentLevels, Rents, made_up_table
from training.learning.encoded_table import EncodedTable, encode_table
from training.learning.metrics import deciding_metric
from training.learning.plan import (
    CORES,
    FINAL,
    FIRST_RACE,
    SECOND_RACE,
    SIMPLE,
    TrainingPlan,
    make_plan,
    scaled_columns,
)
from training.learning.recipes import choose_recipes

RENTS = encode_table(made_up_table(Rents))


def of_rows(rows: int) -> EncodedTable:
    """A table that is only counted."""
    return replace(RENTS, matrix=np.zeros((rows, 5)), derived=np.zeros((rows, 5)), target=np.zeros(rows))


def plan_of(table: EncodedTable, *names: str, **training: object) -> TrainingPlan:
    settings = TrainingSettings().model_copy(update=training)
    metric = deciding_metric(table.domain, settings)
    return make_plan(table, settings, metric, choose_recipes(table.domain, names), names)


def test_a_plan_does_not_depend_on_the_number_of_cores() -> None:
    for table in (RENTS, encode_table(made_up_table(RentLevels)), of_rows(30_000)):
        assert plan_of(table, n_jobs=1) == plan_of(table, n_jobs=4) == plan_of(table, n_jobs=0)


def test_a_larger_budget_plans_at_least_as_much_and_a_larger_table_looks_at_fewer_folds() -> None:
    large = of_rows(100_000)
    plans = [plan_of(large, seconds=seconds) for seconds in (5, 20, 120, 900)]
    assert [plan.work for plan in plans] == sorted({plan.work for plan in plans})
    assert [plan.folds for plan in plans] == sorted(plan.folds for plan in plans)
    assert [plan.race_rows for plan in plans] == sorted(plan.race_rows for plan in plans)
    assert (plan_of(RENTS).folds, plan_of(RENTS).repeats) == (5, 5)
    assert plan_of(of_rows(1_000_000), seconds=20).folds == 3


@pytest.mark.parametrize("rows", [150, 3000, 20_000, 1_000_000])
@pytest.mark.parametrize("seconds", [1.0, 20.0, 120.0])
def test_the_counted_work_of_a_plan_is_within_the_budget(rows: int, seconds: float) -> None:
    table = of_rows(rows)
    plan = plan_of(table, seconds=seconds)
    assert 0 < plan.work <= CORES * seconds
    assert FIRST_RACE + SECOND_RACE + FINAL + SIMPLE < 1, "some of it is left for a search and the last fits"
    fits, columns = plan.folds * plan.repeats + 1, scaled_columns(table)
    recipes = choose_recipes(table.domain, plan.recipes)
    needed = sum(recipe.work(rows, columns, 0) for recipe in recipes if plan.recipes) * fits
    assert needed <= SIMPLE * plan.work


def test_a_budget_that_is_too_small_says_what_it_left_out() -> None:
    plan = plan_of(of_rows(200_000), seconds=2.0)
    assert plan.recipes == ()
    assert plan.left_out["kriging"] == "200000 rows; it is tried on up to 5000"
    assert plan.left_out["extra-trees"] == "200000 rows; it is tried on up to 3000"
    assert plan.left_out["linear"].startswith("it would take ")
    assert plan.left_out["5 folds"] == "200000 rows and 2 s leave room for 3"
    assert plan.left_out["5 repetitions of the folds"].startswith("1 are enough for 200000 rows")
    assert plan.left_out["races on all rows"] == "they look at 1500 and 1500 of 200000 rows"


def test_a_recipe_that_was_asked_for_is_tried_on_any_number_of_rows() -> None:
    plan = plan_of(of_rows(9000), "kriging", "linear", seconds=1.0)
    assert plan.recipes == ("kriging", "linear")
    assert not {"kriging", "linear", "races on all rows"} & plan.left_out.keys()


def test_plots_and_reading_are_part_of_the_budget() -> None:
    assert plan_of(RENTS, report="full").work == plan_of(RENTS, report="figures").work - 6
    assert plan_of(of_rows(1_000_000)).work < plan_of(of_rows(10_000)).work


def test_folds_are_repeated_less_often_where_kriging_would_be_left_out() -> None:
    table = of_rows(450)
    short, long = plan_of(table, seconds=15), plan_of(table, seconds=120)
    assert "kriging" in short.recipes
    assert "kriging" in long.recipes
    assert short.repeats < long.repeats
    assert f"{long.repeats} repetitions of the folds" in short.left_out
