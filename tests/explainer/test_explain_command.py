"""`tasador explain`: a listing is explained from the streams or the audit log, or one line says why it cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitoring.archive.archiver import Archiver
from monitoring.archive.location import archive_of
from registry.location import tracking_uri_of
from schemas.errors import ExplanationError
from schemas.settings import Settings
from schemas.streams import Streams
from tasador.cli.commands.explain import explain
from tests.consumer.harness import ROW, activate, count, event, publish, running
from tests.explainer.harness import Client, explaining, settings_of
from tests.models import SmallModel
from tests.tasador.command import runner_of, use_redis
from tests.waiting import wait_until_async
from transport.clock import now_ms
from transport.connection import connect_async

COMMAND = runner_of(explain)
GAP = {**ROW, "LSTAT": None}


@pytest.fixture
def settings(
    monkeypatch: pytest.MonkeyPatch,
    redis_url: str,
    streams: Streams,
    versions: dict[str, SmallModel],
    tmp_path: Path,
) -> Settings:
    use_redis(monkeypatch, redis_url, streams.prefix)
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path))
    monkeypatch.setenv("TASADOR_MLFLOW_URI", tracking_uri_of(versions["none"].settings))
    return settings_of(versions["none"], streams.prefix, tmp_path)


async def score(
    client: Client, redis_url: str, settings: Settings, model: SmallModel, payloads: list[bytes], answered: int
) -> None:
    activate(client, settings.streams, model)
    publish(client, settings.streams, payloads)
    async with running(redis_url, settings, is_following=True):
        await wait_until_async(lambda: count(client, settings.streams, "answered") == answered)


async def test_a_listing_is_explained_with_and_without_a_stored_explanation(
    redis_client: Client, redis_url: str, settings: Settings, versions: dict[str, SmallModel], tmp_path: Path
) -> None:
    streams = settings.streams
    payloads = [event("l-1", GAP, source="a", explain=True), event("l-1", source="b")]
    await score(redis_client, redis_url, settings, versions["permutation_shap"], payloads, 2)
    computed = COMMAND.json("l-1", "--source", "a")
    async with explaining(redis_url, settings):
        await wait_until_async(lambda: redis_client.xlen(streams.explanations) == 1)
    stored = COMMAND.json("l-1", "--source", "a")
    assert stored["data"] == computed["data"]
    assert stored["id"] == computed["id"]
    assert stored["data"]["method"] == "permutation_shap"
    other = COMMAND.json("l-1", "--source", "b")["data"]
    assert (other["listing_source"], other["contributions"]) != ("a", stored["data"]["contributions"])
    page = tmp_path / "why.html"
    text = COMMAND.text("l-1", "--source", "a", "--html", str(page))
    assert "Listing l-1: " in text
    assert "█" in text
    bars = [line.split() for line in text.splitlines() if line.startswith(("LSTAT", "base", "prediction"))]
    assert sorted(cells[0] for cells in bars) == ["LSTAT", "base", "prediction"]
    assert next(cells[1] for cells in bars if cells[0] == "LSTAT") == "missing"
    html = page.read_text(encoding="utf-8")
    assert "LSTAT" in html
    assert "http" not in html
    assert html.count("<svg") == len(ROW)


async def test_a_trimmed_listing_is_explained_from_the_audit_log(
    redis_client: Client, redis_url: str, settings: Settings, versions: dict[str, SmallModel]
) -> None:
    streams, model = settings.streams, versions["tree_shap"]
    await score(redis_client, redis_url, settings, model, [event("l-1", GAP), event("l-2")], 2)
    from_stream = COMMAND.json("l-1")
    redis_client.xtrim(streams.listings, maxlen=0, approximate=False)
    with pytest.raises(ExplanationError, match="'l-1' was predicted, but its row is gone"):
        COMMAND.run("l-1")
    publish(redis_client, streams, [event("l-3", GAP)])
    await score(redis_client, redis_url, settings, model, [], 3)
    client = connect_async(redis_url)
    archive = settings.archive.model_copy(update={"flush_s": 0.001})
    archiver = Archiver(client, settings.model_copy(update={"archive": archive}), model.domain, archive_of(settings))
    await archiver.run_once(now_ms(redis_client) + 1000)
    await client.aclose()
    before = COMMAND.json("l-3")["data"]
    redis_client.delete(streams.listings, streams.predictions)
    archived = COMMAND.json("l-3")["data"]
    assert archived == before
    assert archived["contributions"] == from_stream["data"]["contributions"]
    with pytest.raises(ExplanationError, match="'l-2' was predicted, but its row is gone"):
        COMMAND.run("l-2")


async def test_a_listing_that_cannot_be_explained_is_one_line(
    redis_client: Client, redis_url: str, settings: Settings, versions: dict[str, SmallModel]
) -> None:
    with pytest.raises(ExplanationError, match="no prediction of listing 'nobody'"):
        COMMAND.run("nobody")
    await score(redis_client, redis_url, settings, versions["none"], [event("l-1")], 1)
    version = versions["none"].info.version
    with pytest.raises(ExplanationError, match=rf"'l-1' was predicted by version {version}: .*train it again"):
        COMMAND.run("l-1")
    data = {"listing_id": "l-1", "listing_source": "else", "model": {"version": "99"}}
    stray = {"id": "1-1", "source": "tasador/housing", "data": data}
    redis_client.xadd(settings.streams.predictions, {"data": json.dumps(stray)})
    with pytest.raises(ExplanationError, match="row is gone"):
        COMMAND.run("l-1", "--source", "else")
