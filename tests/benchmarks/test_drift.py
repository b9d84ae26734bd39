"""The simulations of drift verdicts, in few trials; docs/drift.md quotes figures of many."""

from __future__ import annotations

from benchmarks.class_drift import ClassSimulation, population
from benchmarks.drift import Simulation
from tasador.bench.drift_cost import boston

TRIALS = 20


def test_windows_of_the_population_raise_no_alarm_and_a_shift_is_detected() -> None:
    domain, rows = boston()
    simulation = Simulation(domain, rows)
    assert simulation.run(simulation.from_population, 200, TRIALS).window_alarms == 0
    column = domain.columns.index("NOX")
    shifted = simulation.run(simulation.shifted(column), 1000, TRIALS, column)
    assert (shifted.window_alarms, shifted.trial_alarms) == (60, 20)


def test_the_same_seed_gives_the_same_rate() -> None:
    simulation = Simulation(*boston())
    first, second = (simulation.run(simulation.from_held_out, 200, 10) for _ in range(2))
    assert first == second
    assert first.windows == 30


def test_categories_and_classes_raise_alarms_only_when_they_move() -> None:
    domain, rows = population()
    simulation = ClassSimulation(domain, rows)
    assert simulation.run(simulation.from_population, 200, TRIALS).trial_alarms == 0
    for column in (domain.columns.index("MTRANS"), len(domain.columns)):
        moved = simulation.run(simulation.moved(column), 1000, TRIALS, column)
        assert (moved.window_alarms, moved.trial_alarms) == (60, 20)
