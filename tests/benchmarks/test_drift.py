"""The simulation of drift verdicts, in few trials; docs/drift.md has the figures of many."""

from __future__ import annotations

from benchmarks.class_drift import ClassSimulation, population
from benchmarks.drift import Simulation, boston

TRIALS = 20


def test_windows_of_the_population_are_quiet_and_a_shift_is_found() -> None:
    domain, rows = boston()
    simulation = Simulation(domain, rows)
    assert simulation.run(simulation.from_population, 200, TRIALS).window_alarms == 0
    column = domain.columns.index("NOX")
    shifted = simulation.run(simulation.shifted(column), 1000, TRIALS, column)
    assert (shifted.window_alarms, shifted.trial_alarms) == (60, 20)


def test_the_same_seed_gives_the_same_rate() -> None:
    simulation = Simulation(*boston())
    one, other = (simulation.run(simulation.from_held_out, 200, 10) for _ in range(2))
    assert one == other
    assert one.windows == 30


def test_categories_and_classes_are_quiet_until_they_move() -> None:
    domain, rows = population()
    simulation = ClassSimulation(domain, rows)
    assert simulation.run(simulation.from_population, 200, TRIALS).trial_alarms == 0
    for column in (domain.columns.index("MTRANS"), len(domain.columns)):
        moved = simulation.run(simulation.moved(column), 1000, TRIALS, column)
        assert (moved.window_alarms, moved.trial_alarms) == (60, 20)
