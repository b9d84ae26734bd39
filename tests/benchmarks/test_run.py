"""A run of several parts yields a report after each; domains can have any number of features."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from registry.location import tracking_uri_of
from registry.store import Registry
from schemas.domain import load_domain
from schemas.errors import BenchmarkError, ConfigurationError, DomainError
from tasador.bench.growth import measure_growth
from tasador.bench.part import BenchPart
from tasador.bench.report import BenchReport
from tasador.bench.rig import Rig, settings_for
from tasador.bench.run import BenchRun
from tasador.bench.size import BenchSize
from tasador.bench.wide import ROWS, contract_of
from tasador.cli.commands.bench import bench
from tests.benchmarks.test_report import MACHINE
from tests.models import SmallModel, fitted, register
from tests.tasador.command import runner_of
from training.data.checking import validate
from training.data.sources import read_source


@pytest.mark.rounds
def test_a_report_follows_each_part_in_the_order_of_parts(own_model: SmallModel, redis_url: str) -> None:
    rig = Rig(redis_url, settings_for(redis_url, own_model.settings.home), own_model.info)
    lines: list[str] = []
    size = BenchSize(2000, 1, scales=(2000,), scale_rounds=1, drifts=((100, 200),))
    run = BenchRun(rig, size, lines.append)
    first, second = run.reports([BenchPart.DRIFT, BenchPart.SCALE])
    with pytest.raises(ConfigurationError, match="made on another machine or with other versions"):
        next(run.reports([BenchPart.DRIFT], first.model_copy(update={"machine": MACHINE})))
    rig.client.close()
    assert first.scale is not None
    assert first.drift_costs is None
    assert (second.scale, len(second.drift_costs or ())) == (first.scale, 1)
    (scale,) = first.scale
    one, two = scale.standings
    assert ([usage.title for usage in two.processes], two.listings) == (["consumer 1", "consumer 2"], 2000)
    assert min(usage.peak_bytes for usage in (*one.processes, *two.processes)) > 0
    assert scale.ratios == ()
    assert "part 1 of 2: scale" in lines


def test_measured_parts_are_written_if_a_later_part_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def reports(*_: object, **__: object) -> Iterator[BenchReport]:
        yield BenchReport(made_at=datetime.now(UTC), machine=MACHINE)
        raise BenchmarkError("no progress")

    monkeypatch.setattr("tasador.cli.commands.bench._reports", reports)
    output = tmp_path / "reports" / "bench.json"
    with pytest.raises(BenchmarkError, match="no progress"):
        runner_of(bench).run("--output", str(output), "--redis-url", "redis://localhost:1")
    assert json.loads(output.read_text())["machine"]["cores"] == MACHINE.cores


def test_keep_adds_parts_and_with_full_measures_the_missing_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[tuple[list[BenchPart], BenchReport | None]] = []

    def reports(_url: str, parts: list[BenchPart], *others: Any, **_: object) -> Iterator[BenchReport]:
        calls.append((parts, others[-1]))
        yield others[-1]

    monkeypatch.setattr("tasador.cli.commands.bench._reports", reports)
    output = tmp_path / "bench.json"
    kept = BenchReport(made_at=datetime.now(UTC), machine=MACHINE, drift_costs=(), starts=())
    output.write_text(kept.model_dump_json())
    arguments = ("--keep", "--output", str(output), "--redis-url", "redis://localhost:1")
    command = runner_of(bench)
    assert command.run(*arguments, "--full").exit_code == 0
    assert command.run(*arguments, "--part", "drift").exit_code == 0
    missing = [part for part in BenchPart if part not in {BenchPart.DRIFT, BenchPart.START}]
    assert calls == [(missing, kept), ([BenchPart.DRIFT], kept)]
    with pytest.raises(ConfigurationError, match=r"bench\.json: made without --quick"):
        command.run(*arguments, "--quick")
    output.write_text("{}")
    with pytest.raises(ConfigurationError, match=r"bench\.json: not a report of this version"):
        command.run(*arguments)


def test_the_name_of_a_wide_domain_gives_its_number_of_features() -> None:
    domain = load_domain("wide50", "tasador.bench.wide:Wide50")
    assert len(domain.features) == 50
    table = contract_of(50).built_in_table()
    assert (len(table), len(table[0])) == (ROWS, 51)
    with pytest.raises(DomainError, match="cannot load"):
        load_domain("wide", "tasador.bench.wide:Width")


def test_reading_a_wide_table_does_not_fragment_the_frame(tmp_path: Path) -> None:
    settings = settings_for("redis://nowhere", tmp_path, "wide200", "tasador.bench.wide:Wide200")
    table, _ = validate(settings.load_domain(), read_source(settings), settings.training)
    # pandas warns when a column is added to a frame of more than a hundred blocks, and warnings fail the test
    assert table.with_target().shape == (ROWS, 201)


def test_a_consumer_scores_listings_of_a_wide_domain(redis_url: str, tmp_path: Path) -> None:
    settings = settings_for(redis_url, tmp_path, "wide20", "tasador.bench.wide:Wide20")
    table, _ = validate(settings.load_domain(), read_source(settings), settings.training)
    model = register(Registry(tracking_uri_of(settings), "wide20"), fitted(table, trees=5), table)
    rig = Rig(redis_url, settings, model)
    cost = measure_growth(rig, 1000, 500, 1000, len)
    assert (cost.features, cost.events, cost.batch) == (20, 1000, 500)
    assert not list(rig.client.scan_iter(f"{rig.streams.prefix}*"))
    rig.client.close()
