"""Races: the leaders go on, and shapes that a sample of the rows would leave out."""

from __future__ import annotations

from dataclasses import replace

from schemas.sections import TrainingSettings
from tests.training.learning.made_up_tables import RareVacancies, RentLevels, made_up_table
from training.learning.encoded_table import encode_table
from training.learning.engine import ThreadEngine
from training.learning.folding import splits_of
from training.learning.plan import make_plan
from training.learning.racing import Race
from training.learning.steps import TrainingSteps
from training.progress import discard_progress

TRAINING = TrainingSettings(folds=3, repeats=1, seconds=3)
USUAL = {"boosting-depth-6", "boosting-depth-6-sampled"}


def leaders_of(contract: type[RentLevels | RareVacancies], race_rows: int) -> tuple[Race, list[str]]:
    """The race on so many rows of a table, and the names of its leaders."""
    whole = made_up_table(contract, 120)
    table = encode_table(whole)
    plan = replace(make_plan(table, TRAINING, "log_loss", []), race_rows=(race_rows, race_rows), finalists=1)
    race = Race(table, plan, "log_loss", splits_of(whole, TRAINING), 1, 10.0)
    steps = TrainingSteps(ThreadEngine(table, 2), plan, discard_progress)
    return race, [entry.shape.name for entry in race.leaders(steps)]


def test_of_many_classes_a_small_sample_does_not_leave_out_the_usual_shapes_of_trees() -> None:
    sampled, names = leaders_of(RentLevels, 30)
    assert sampled.is_sampled_by_class
    assert set(names) >= USUAL
    whole, leaders = leaders_of(RentLevels, 120)
    assert not whole.is_sampled_by_class
    assert sorted(name.startswith("boosting-vectors") for name in leaders) == [False, True], "the best of each kind"
    two, leaders = leaders_of(RareVacancies, 30)
    assert not two.is_sampled_by_class, "two classes have one tree a round"
    assert len(leaders) == 1
