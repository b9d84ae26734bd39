"""`tasador registry`: what it shows, and which stages and aliases it changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import redis

from operations.command_sender import current_actor
from registry.stages import PREVIOUS_CHAMPION
from registry.store import Registry
from registry.versions import NO_FORM_TAG
from schemas.errors import ModelNotFoundError, ModelRejectedError, NotConfirmedError
from schemas.streams import DATA_FIELD, Streams
from tasador.cli.commands import registry as commands
from tests.models import SmallModel, fitted, register, small_model, table_of
from tests.operations.answers import activate, beat
from tests.tasador.command import Runner, use_redis

__all__ = ["small_model"]


@pytest.fixture(scope="module")
def registered(small_model: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    """A store with the small champion, a linear model and a forest on the same folds, and one on fewer rows."""
    copy = small_model.in_copy(tmp_path_factory.mktemp("registered") / "home")
    table = table_of("housing")
    fewer = table.take(table.positions[:300])
    for rows, recipe in ((table, "linear"), (table, "forest"), (fewer, "linear")):
        info = register(copy.registry, fitted(rows, recipe), rows, recipe, folds=5, admitted=False)
        copy.registry.client.log_metric(info.run_id, "cv_rmse", 4.0 + int(info.version) / 10)
    copy.registry.client.log_metric(small_model.info.run_id, "cv_rmse", 6.5)
    return copy


@pytest.fixture
def store(registered: SmallModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A copy of the store for one test, which commands use."""
    copy = registered.in_copy(tmp_path / "home")
    monkeypatch.setenv("TASADOR_HOME", str(copy.settings.home))
    monkeypatch.setenv("TASADOR_SWAP__MAX_US_PER_ROW", "1000")
    monkeypatch.setenv("COLUMNS", "200")
    return copy.registry


@pytest.fixture
def registry() -> Runner:
    return Runner(commands.app)


def sent(client: Any, streams: Streams) -> list[dict[str, Any]]:
    """The commands that were sent."""
    return [json.loads(fields[DATA_FIELD]) for _, fields in client.xrange(streams.commands)]


def test_versions_are_a_table_with_stage_metrics_and_aliases(store: Registry, registry: Runner) -> None:
    store.set_alias("challenger", "3")
    lines = registry.text("versions").splitlines()
    assert lines[0].split() == ["VERSION", "STAGE", "MODEL", "CV", "RMSE", "GATE", "ALIASES"]
    assert [line.split()[0] for line in lines[1:]] == ["4", "3", "2", "1"]
    assert lines[2].split()[1:6] == ["Staging", "forest", "4.3", "registered", "challenger"]
    assert lines[4].split()[1] == "Production"
    documents = registry.json("versions")
    assert [one["stage"] for one in documents] == ["None", "Staging", "None", "Production"]
    assert documents[0]["metrics"]["cv_rmse"] == 4.4


def test_list_shows_models_with_their_champion(store: Registry, registry: Runner) -> None:
    assert registry.json("list") == [{"name": "housing", "versions": 4, "champion": "1", "challenger": None}]
    assert registry.text("list").splitlines()[1].split() == ["housing", "4", "1", "-"]


def test_what_is_desired_and_active_is_shown_beside_the_champion(
    store: Registry,
    registry: Runner,
    redis_client: redis.Redis,
    redis_url: str,
    streams: Streams,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_redis(monkeypatch, redis_url, streams.prefix)
    redis_client.hset(streams.worker_state, "champion", "1")
    activate(redis_client, streams, version="2")
    beat(redis_client, streams, "a1", version="2")
    beat(redis_client, streams, "a2", version="1")
    heads, model = (line.split() for line in registry.text("list").splitlines())
    assert heads[2:] == ["CHAMPION", "CHALLENGER", "DESIRED", "ACTIVE"]
    assert model[2:] == ["1", "-", "2", "1,", "2"]
    lines = registry.text("versions").splitlines()
    assert lines[3].split()[1:4] == ["None", "desired,", "active"]
    assert lines[4].split()[1:3] == ["Production", "active"]
    assert "desired, active in 1 consumer (champion 1, desired 2, active 1, 2)" in registry.text("show", "2")
    shown = {one["version"]: (one["is_desired"], one["active_in"]) for one in registry.json("versions")}
    assert (shown["2"], shown["1"], shown["3"]) == ((True, 1), (False, 1), (False, 0))


def test_show_prints_all_of_a_version(store: Registry, registry: Runner, small_model: SmallModel) -> None:
    output = registry.text("show", "1")
    for expected in ("housing", "xgboost-reference", small_model.info.digest, small_model.info.data_sha256, "LSTAT"):
        assert expected in output
    document = registry.json("show")
    assert (document["version"], document["digest"]) == ("1", small_model.info.digest)
    assert document["features"] == list(small_model.domain.columns)
    assert document["gate"] is None
    with pytest.raises(ModelNotFoundError, match="alias 'best'"):
        registry.run("show", "best")


def test_compare_shows_differences_and_folds(store: Registry, registry: Runner) -> None:
    output = registry.text("compare", "2", "3")
    assert "cv_rmse" in output
    assert "+0.1" in output
    assert "version 3 against 2 on the same 5 folds:" in output
    folds = registry.json("compare", "2", "3")["folds"]
    assert folds["low"] < folds["gain"] < folds["high"]
    assert "not evaluated on the same rows" in registry.text("compare", "2", "4")


def test_a_page_compares_versions_on_the_same_rows(store: Registry, registry: Runner, tmp_path: Path) -> None:
    page = tmp_path / "compared.html"
    registry.run("compare", "1", "3", "--html", str(page))
    text = page.read_text(encoding="utf-8")
    for shown in (
        "506 rows were evaluated by both",
        "95 % intervals",
        "By segment: rmse",
        "CHAS 1",
        "sha256",
        "cv_rmse",
    ):
        assert shown in text
    assert text.count("<h3>") == 5
    assert text.count('class="why"') == 10
    assert "http" not in text
    registry.run("compare", "3", "4", "--html", str(page))
    assert "300 rows were evaluated by both" in page.read_text(encoding="utf-8")


def test_best_uses_the_default_metric_or_the_given_one(store: Registry, registry: Runner) -> None:
    assert registry.json("best")["version"] == "2"
    store.client.log_metric(store.resolve(version="4").run_id, "test_r2", 0.9)
    store.client.log_metric(store.resolve(version="3").run_id, "test_r2", 0.8)
    assert registry.json("best", "--metric", "test_r2")["version"] == "4"
    with pytest.raises(ModelNotFoundError, match="known metrics: cv_rmse, test_r2"):
        registry.run("best", "--metric", "luck")


def test_staging_requires_the_absolute_limits_of_the_gate(store: Registry, registry: Runner) -> None:
    assert "version 2 of housing is in stage Staging" in registry.text("promote", "2", "Staging")
    assert store.resolve(alias="challenger").version == "2"
    with pytest.raises(ModelRejectedError, match="rmse: 6"):
        registry.run("promote", "1", "Staging")
    assert store.resolve(alias="challenger").version == "2"
    output = registry.text("show", "2")
    assert "Gate to Staging" in output
    assert "golden_rows" in output
    assert registry.json("alias", "3", "challenger")["stage"] == "Staging"
    assert store.resolve(alias="challenger").version == "3"


def test_archived_and_none_remove_the_challenger_alias(store: Registry, registry: Runner) -> None:
    store.set_alias("challenger", "3")
    assert registry.json("promote", "3", "Archived")["stage"] == "Archived"
    with pytest.raises(ModelNotFoundError):
        store.resolve(alias="challenger")
    assert registry.json("promote", "3", "None")["stage"] == "None"
    with pytest.raises(ModelRejectedError, match="is champion"):
        registry.run("promote", "1", "Archived")
    assert store.resolve().version == "1"


def test_users_manage_their_own_aliases_but_not_reserved_ones(store: Registry, registry: Runner) -> None:
    assert "baseline" in registry.json("alias", "2", "baseline")["aliases"]
    assert "deleted the alias baseline" in registry.text("delalias", "baseline")
    with pytest.raises(ModelNotFoundError):
        registry.run("delalias", "baseline")
    for kept in ("champion", PREVIOUS_CHAMPION):
        with pytest.raises(ModelRejectedError, match="cannot be set by hand"):
            registry.run("delalias", kept)
    with pytest.raises(ModelRejectedError, match="cannot be set by hand"):
        registry.run("alias", "2", PREVIOUS_CHAMPION)


@pytest.mark.parametrize(
    "arguments",
    [("promote", "2"), ("promote", "2", "Production"), ("alias", "2", "champion")],
)
def test_setting_the_champion_sends_a_command_to_the_worker(
    arguments: tuple[str, ...],
    store: Registry,
    registry: Runner,
    redis_client: redis.Redis,
    redis_url: str,
    streams: Streams,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_redis(monkeypatch, redis_url, streams.prefix)
    with pytest.raises(NotConfirmedError, match="no training worker runs"):
        registry.run(*arguments, "--timeout", "0")
    (command,) = sent(redis_client, streams)
    assert (command["type"], command["data"]["version"], command["actor"]) == ("model.promote", "2", current_actor())
    assert store.resolve().version == "1"


def test_force_requires_a_reason_and_sends_it(
    store: Registry,
    registry: Runner,
    redis_client: redis.Redis,
    redis_url: str,
    streams: Streams,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_redis(monkeypatch, redis_url, streams.prefix)
    assert registry.run("promote", "2", "--force").exit_code == 2
    with pytest.raises(NotConfirmedError):
        registry.run("promote", "2", "--force", "--reason", "the champion leaks", "--timeout", "0")
    (command,) = sent(redis_client, streams)
    assert command["data"] == {"version": "2", "force": True, "reason": "the champion leaks"}
    with pytest.raises(NotConfirmedError):
        registry.run("rollback", "--timeout", "0")
    assert sent(redis_client, streams)[-1]["type"] == "model.rollback"


def test_an_unknown_stage_is_a_usage_error(store: Registry, registry: Runner) -> None:
    assert registry.run("promote", "2", "Heaven").exit_code == 2


def test_a_version_shows_whether_it_has_a_serving_form(store: Registry, registry: Runner) -> None:
    store.set_tags("2", {NO_FORM_TAG: "SVR has no serving form"})
    shown = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in registry.text("show", "2").splitlines()}
    assert shown["serving form"] == "none, its pipeline scores: SVR has no serving form"
    assert registry.json("show", "2")["why_no_form"] == "SVR has no serving form"
    assert registry.json("show", "1")["why_no_form"] is None
