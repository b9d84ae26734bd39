"""The benchmark of intervals: equal predictions for all ways, targets that can be missed, the alarm and the page."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from benchmarks.intervals import cost, section
from benchmarks.intervals.alarm import outcomes_to_find, share_of_streams
from benchmarks.intervals.mapie import reaches_of_mapie
from benchmarks.intervals.report import AlarmFigures, IntervalsReport, TableFigures, way_figures
from benchmarks.intervals.ways import OURS, PLAIN, FoldPredictions, reach_of_ours, reach_of_plain
from schemas.domain import load_domain
from schemas.errors import ConfigurationError
from tasador.bench.machine import describe_machine

HOUSING, OBESITY = load_domain("housing"), load_domain("obesity")


def fold_of_prices(seed: int) -> FoldPredictions:
    """Predictions whose errors grow with them."""
    rng = np.random.default_rng(seed)
    predictions = rng.uniform(5, 50, 6000)
    truth = predictions * (1 + 0.2 * rng.standard_normal(6000))
    return FoldPredictions(HOUSING, predictions[:5500], truth[:5500], predictions[5500:], truth[5500:])


def fold_of_classes() -> FoldPredictions:
    rng = np.random.default_rng(1)
    classes = OBESITY.target.classes
    codes = rng.choice(len(classes), 3000, p=[0.04, *[0.16] * 6])
    odds = rng.normal(size=(3000, len(classes)))
    odds[np.arange(3000), codes] += np.where(codes == 0, 0.3, 3)
    shares = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    names = np.array(classes)[codes]
    return FoldPredictions(OBESITY, shares[:2000], names[:2000], shares[2000:], names[2000:])


def figures_of(name: str, folds: list[FoldPredictions], *, has_classes: bool) -> TableFigures:
    ways = {OURS: [reach_of_ours(fold) for fold in folds], PLAIN: [reach_of_plain(fold) for fold in folds]}
    figures = tuple(way_figures(way, folds, reaches) for way, reaches in ways.items())
    return TableFigures(table=name, rows=6000, folds=len(folds), has_classes=has_classes, ways=figures)


def test_ours_reaches_targets_that_plain_intervals_miss() -> None:
    prices = figures_of("prices", [fold_of_prices(seed) for seed in (1, 2)], has_classes=False)
    kinds = figures_of("kinds", [fold_of_classes()], has_classes=True)
    assert all(target.is_good for table in (prices, kinds) for target in table.targets())
    assert {part.part for part in prices.way(PLAIN).parts} == {f"{number} of 5" for number in range(1, 6)}
    by_plain = prices.model_copy(update={"ways": tuple(
        way.model_copy(update={"way": OURS}) if way.way == PLAIN else way.model_copy(update={"way": PLAIN})
        for way in prices.ways
    )})  # fmt: skip
    missed = [target.name for target in by_plain.targets() if not target.is_good]
    assert missed == ["prices: coverage of the fifth that is furthest off", "prices: width, of plain"]
    rare = kinds.way(PLAIN).parts[0]
    assert rare.coverage < 0.6, "one threshold for all leaves rare classes out"


@pytest.mark.parametrize("name", ["housing", "obesity"])
def test_the_cost_of_ranges_is_finding_them_and_what_they_add_to_encoding(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([0.002, 0.005, 0.003])

    def timed(work: Callable[[], object]) -> float:
        work()
        return next(seconds)

    monkeypatch.setattr(cost, "_fastest", timed)
    assert cost.us_per_row(name) == pytest.approx(4.0)


def test_few_streams_without_a_change_raise_the_alarm() -> None:
    assert share_of_streams(404, 1000, streams=40) <= 0.1
    assert np.median(outcomes_to_find(2.0, 404, streams=20)) <= 100


def test_mapie_needs_its_environment(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="make bench-intervals"):
        reaches_of_mapie(fold_of_classes(), tmp_path / "python")


def test_the_page_gets_the_figures_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alarm = AlarmFigures(rows=404, false_share=0.02, false_streams=0.05, found_share=1.0, outcomes=60)
    report = IntervalsReport(
        made_at=datetime(2026, 11, 28, tzinfo=UTC),
        machine=describe_machine(),
        command="make bench-intervals",
        mapie="1.6.0",
        seconds=8,
        tables=(figures_of("prices", [fold_of_prices(1)], has_classes=False),),
        cost_us={"housing": 0.2},
        alarms=(alarm,),
    )
    page, stored = tmp_path / "intervals.md", tmp_path / "report.json"
    page.write_text(f"before\n{section.BEGIN}stale\n{section.END}after\n", encoding="utf-8")
    stored.write_text(report.model_dump_json(), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["section", str(stored), str(page)])
    section.main()
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "stale" not in text
    assert "| prices | 6,000 | tasador |" in text
    assert "Missed targets: false alarms, 404 calibration rows 0.02." in text
    assert not report.is_good
