"""The circle on a live system: the world moves, the model is replaced; a bad model comes, and is taken back."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr

from registry.location import tracking_uri_of
from registry.store import Registry
from schemas.commands import Promote, PromoteData, Retrain, Rollback
from schemas.settings import Settings
from tests.models import SmallModel, fitted, register, small_model, table_of
from tests.tasador.live import Market, at_work
from tests.waiting import wait_until_async
from training.run import train

__all__ = ["small_model"]

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]
TRAINING_S = 90


@pytest.fixture
def settings(tmp_path: Path, redis_url: str, prefix: str) -> Settings:
    """Settings of parts that hurry; the gate is as it always is."""
    return Settings(
        home=tmp_path / "home",
        prefix=prefix,
        redis_url=SecretStr(redis_url),
        claim_idle_ms=2000,
        # so that the window keeps every row
        batch={"max_records": 100},
        monitor={"interval_s": 0.2},
        archive={"flush_s": 0.2},
        swap={"max_us_per_row": 1000.0},
        training={"folds": 3, "repeats": 1, "models": ["xgboost-reference"], "report": "figures"},
        # a shift that lasts is for tests of drift; here it takes the outcomes to have all come
        loop={"min_labelled": 500, "drift_reports": 1000, "bake_min_answers": 100},
    )


@pytest.fixture
def market(redis_client: redis.Redis, settings: Settings) -> Market:
    return Market(redis_client, settings)


async def test_a_world_that_moves_is_learned_and_the_error_goes_down(
    settings: Settings, market: Market, small_model: SmallModel
) -> None:
    small_model.in_copy(settings.home)
    champion = train(settings)
    assert champion.is_champion
    async with at_work(settings):
        homes = market.draw(500, moved=True)
        ids = market.offer(homes)
        await wait_until_async(lambda: market.is_answered(ids, champion.version), message="homes are scored")
        report = await wait_until_async(lambda: next((r for r in market.drift() if r.verdict == "drift"), None))
        assert report is not None
        assert "RM" in report.drifted
        assert not market.commands(), "drift that has not lasted is no reason yet"

        market.sell(ids, homes)
        order = (await wait_until_async(market.commands, message="the monitor asks for a training"))[0]
        assert isinstance(order, Retrain)
        assert (order.actor, order.data.reason.split(":")[0]) == ("monitor", "quality")
        activated = await wait_until_async(
            lambda: [event for event in market.told("model.activated", "model.rejected") if event.data.command_id],
            TRAINING_S,
            "the training is answered",
        )
        assert [(event.type, event.data.version) for event in activated] == [("model.activated", "3")]

        await wait_until_async(lambda: market.told("model.swapped")[1:], message="the new model answers")
        later = market.draw(200, moved=True)
        market.sell(market.offer(later), later)
        quality = await wait_until_async(
            lambda: next((r for r in market.quality() if r.quality("24h", "version 3").labelled == len(later)), None)
        )
    assert quality is not None
    before, after = (quality.quality("24h", f"version {version}").mae for version in (champion.version, "3"))
    assert before is not None
    assert after is not None
    assert after < 0.6 * before
    assert len(market.commands()) == 1, "one training was enough"


@pytest.mark.parametrize(
    ("factor", "p99_ms", "why"), [(3, 60_000.0, "predictions shifted by +"), (1, 0.001, "p99 latency is")]
)
async def test_a_promoted_model_that_does_harm_is_taken_back_by_itself(
    settings: Settings, market: Market, small_model: SmallModel, caplog: pytest.LogCaptureFixture,
    factor: float, p99_ms: float, why: str,
) -> None:  # fmt: skip
    small_model.in_copy(settings.home)
    registry, table = Registry(tracking_uri_of(settings), "housing"), table_of("housing")
    bad = register(registry, fitted(table, "linear").fit(table.frame, factor * table.target), table, folds=0)
    loop = settings.loop.model_copy(update={"bake_max_p99_ms": p99_ms})
    settings = settings.model_copy(update={"loop": loop})
    async with at_work(settings):
        first = market.offer(market.draw(200))
        await wait_until_async(lambda: market.is_answered(first, "1"), message="the champion answers")
        market.order(Promote(actor="ada", data=PromoteData(version=bad.version, force=True, reason="a test")))
        await wait_until_async(lambda: market.told("model.swapped")[1:], message="the bad model answers")
        while not (orders := [one for one in market.commands() if isinstance(one, Rollback)]):
            more = market.offer(market.draw(50))
            await wait_until_async(partial(market.is_answered, more), message="homes are scored")
        assert {one.actor for one in orders} == {"monitor"}
        back = await wait_until_async(lambda: market.told("model.swapped")[2:], message="the one before is back")
        assert back[0].data.version == "1"
        last = market.offer(market.draw(50))
        await wait_until_async(lambda: market.is_answered(last, "1"), message="and answers again")
    assert registry.resolve().version == "1"
    (told,) = [record for record in caplog.records if record.message == "promoted model rolled back"]
    assert why in vars(told)["why"]
