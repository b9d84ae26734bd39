"""A run of several parts: a report after each, and domains of another width."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.growth import measure_growth
from benchmarks.part import BenchPart
from benchmarks.report import BenchReport
from benchmarks.rig import Rig, settings_for
from benchmarks.run import BenchRun
from benchmarks.size import Size
from benchmarks.wide import ROWS, contract_of
from registry.location import tracking_uri_of
from registry.store import Registry
from schemas.domain import load_domain
from schemas.errors import BenchmarkError, ConfigurationError, DomainError
from tasador.cli.commands.bench import bench
from tests.benchmarks.test_report import MACHINE
from tests.models import SmallModel, fitted, register
from tests.tasador.command import runner_of
from training.data.checking import validate
from training.data.sources import read_source


@pytest.mark.timeout(120)
def test_a_report_comes_after_each_part_in_the_order_of_parts(own_model: SmallModel, redis_url: str) -> None:
    rig = Rig(redis_url, settings_for(redis_url, own_model.settings.home), own_model.info)
    told: list[str] = []
    size = Size(2000, 1, scales=(2000,), scale_rounds=1, drifts=((100, 200),))
    run = BenchRun(rig, size, told.append)
    first, second = run.reports([BenchPart.DRIFT, BenchPart.SCALE])
    with pytest.raises(ConfigurationError, match="made on another machine or with other versions"):
        next(run.reports([BenchPart.DRIFT], first.model_copy(update={"machine": MACHINE})))
    rig.client.close()
    assert first.scale is not None
    assert first.drift_costs is None
    assert (second.scale, len(second.drift_costs or ())) == (first.scale, 1)
    (found,) = first.scale
    one, two = found.standings
    assert ([usage.title for usage in two.processes], two.listings) == (["consumer 1", "consumer 2"], 2000)
    assert min(usage.peak_bytes for usage in (*one.processes, *two.processes)) > 0
    assert found.ratios == ()
    assert "part 1 of 2: scale" in told


def test_what_was_measured_is_kept_if_a_later_part_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def reports(*_: object, **__: object) -> Iterator[BenchReport]:
        yield BenchReport(made_at=datetime.now(UTC), machine=MACHINE)
        raise BenchmarkError("stands still")

    monkeypatch.setattr("tasador.cli.commands.bench._reports", reports)
    output = tmp_path / "reports" / "bench.json"
    with pytest.raises(BenchmarkError, match="stands still"):
        runner_of(bench).run("--output", str(output), "--redis-url", "redis://localhost:1")
    assert json.loads(output.read_text())["machine"]["cores"] == MACHINE.cores


def test_parts_that_were_measured_are_kept_and_what_lacks_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[list[BenchPart], BenchReport | None]] = []

    def reports(_url: str, _home: Path, parts: list[BenchPart], *others: Any, **_: object) -> Iterator[BenchReport]:
        asked.append((parts, others[-1]))
        yield others[-1]

    monkeypatch.setattr("tasador.cli.commands.bench._reports", reports)
    monkeypatch.setattr("benchmarks.peer_rates.PYTHON", tmp_path)
    output = tmp_path / "bench.json"
    kept = BenchReport(made_at=datetime.now(UTC), machine=MACHINE, drift_costs=(), starts=())
    output.write_text(kept.model_dump_json())
    arguments = ("--keep", "--output", str(output), "--redis-url", "redis://localhost:1")
    command = runner_of(bench)
    assert command.run(*arguments, "--full").exit_code == 0
    assert command.run(*arguments, "--part", "drift").exit_code == 0
    lacking = [part for part in BenchPart if part not in {BenchPart.DRIFT, BenchPart.START}]
    assert asked == [(lacking, kept), ([BenchPart.DRIFT], kept)]
    with pytest.raises(ConfigurationError, match=r"bench\.json: made without --quick"):
        command.run(*arguments, "--quick")
    output.write_text("{}")
    with pytest.raises(ConfigurationError, match=r"bench\.json: no report of this version"):
        command.run(*arguments)


def test_a_domain_is_as_wide_as_its_name_says() -> None:
    domain = load_domain("wide50", "benchmarks.wide:Wide50")
    assert len(domain.features) == 50
    table = contract_of(50).built_in_table()
    assert (len(table), len(table[0])) == (ROWS, 51)
    with pytest.raises(DomainError, match="cannot load"):
        load_domain("wide", "benchmarks.wide:Width")


def test_a_table_of_many_features_is_in_one_piece(tmp_path: Path) -> None:
    settings = settings_for("redis://nowhere", tmp_path, "wide200", "benchmarks.wide:Wide200")
    table, _ = validate(settings.load_domain(), read_source(settings), settings.training)
    # pandas warns whoever adds a column to more than a hundred pieces, and a warning is an error here
    assert table.with_target().shape == (ROWS, 201)


@pytest.mark.timeout(120)
def test_a_consumer_scores_listings_of_another_width(redis_url: str, tmp_path: Path) -> None:
    settings = settings_for(redis_url, tmp_path, "wide20", "benchmarks.wide:Wide20")
    table, _ = validate(settings.load_domain(), read_source(settings), settings.training)
    model = register(Registry(tracking_uri_of(settings), "wide20"), fitted(table, trees=5), table)
    rig = Rig(redis_url, settings, model)
    growth = measure_growth(rig, 1000, 500, 1000, len)
    assert (growth.features, growth.events, growth.batch) == (20, 1000, 500)
    assert not list(rig.client.scan_iter(f"{rig.streams.prefix}*"))
    rig.client.close()
