"""The closed loop on a running system: drifted data lead to a new model, and a harmful model is rolled back."""

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
from tests.tasador.live_system import HousingClient, run_applications
from tests.waiting import wait_until_async
from training.run import train

__all__ = ["small_model"]

pytestmark = [pytest.mark.rounds, pytest.mark.long]
TRAINING_S = 90


@pytest.fixture
def settings(tmp_path: Path, redis_url: str, prefix: str) -> Settings:
    """Settings with short intervals; the gate has its defaults."""
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
        # here only outcomes may trigger a retraining; tests of drift cover the other reason
        loop={"min_labelled": 500, "drift_reports": 1000, "bake_min_answers": 100},
    )


@pytest.fixture
def client(redis_client: redis.Redis, settings: Settings) -> HousingClient:
    return HousingClient(redis_client, settings)


async def test_drifted_data_trigger_a_retraining_that_lowers_the_error(
    settings: Settings, client: HousingClient, small_model: SmallModel
) -> None:
    small_model.in_copy(settings.home)
    champion = train(settings)
    assert champion.is_champion
    async with run_applications(settings):
        homes = client.sample_homes(500, is_shifted=True)
        ids = client.publish_listings(homes)
        await wait_until_async(lambda: client.are_scored(ids, champion.version), message="homes are scored")
        report = await wait_until_async(lambda: next((r for r in client.drift_reports() if r.verdict == "drift"), None))
        assert report is not None
        assert "RM" in report.drifted
        assert not client.commands(), "a single drift report must not trigger a retraining"

        client.publish_outcomes(ids, homes)
        command = (await wait_until_async(client.commands, message="the monitor sends a retrain command"))[0]
        assert isinstance(command, Retrain)
        assert (command.actor, command.data.cause) == ("monitor", "quality")
        activated = await wait_until_async(
            lambda: [
                event for event in client.model_events("model.activated", "model.rejected") if event.data.command_id
            ],
            TRAINING_S,
            "the retrain command is answered",
        )
        assert [(event.type, event.data.version) for event in activated] == [("model.activated", "3")]

        await wait_until_async(lambda: client.model_events("model.swapped")[1:], message="the new model scores")
        later = client.sample_homes(200, is_shifted=True)
        client.publish_outcomes(client.publish_listings(later), later)
        quality = await wait_until_async(
            lambda: next(
                (r for r in client.quality_reports() if r.quality("24h", "version 3").labelled == len(later)), None
            )
        )
    assert quality is not None
    before, after = (quality.quality("24h", f"version {version}").mae for version in (champion.version, "3"))
    assert before is not None
    assert after is not None
    assert after < 0.6 * before
    assert len(client.commands()) == 1, "one training is enough"


@pytest.mark.parametrize(
    ("factor", "p99_ms", "why"), [(3, 60_000.0, "predictions shifted by +"), (1, 0.001, "p99 latency is")]
)
async def test_a_harmful_promoted_model_is_rolled_back_automatically(
    settings: Settings, client: HousingClient, small_model: SmallModel, caplog: pytest.LogCaptureFixture,
    factor: float, p99_ms: float, why: str,
) -> None:  # fmt: skip
    small_model.in_copy(settings.home)
    registry, table = Registry(tracking_uri_of(settings), "housing"), table_of("housing")
    bad = register(registry, fitted(table, "linear").fit(table.frame, factor * table.target), table, folds=0)
    loop = settings.loop.model_copy(update={"bake_max_p99_ms": p99_ms})
    settings = settings.model_copy(update={"loop": loop})
    async with run_applications(settings):
        first = client.publish_listings(client.sample_homes(200))
        await wait_until_async(lambda: client.are_scored(first, "1"), message="the champion scores")
        client.send(Promote(actor="ada", data=PromoteData(version=bad.version, force=True, reason="a test")))
        await wait_until_async(lambda: client.model_events("model.swapped")[1:], message="the bad model scores")
        while not (rollbacks := [one for one in client.commands() if isinstance(one, Rollback)]):
            more = client.publish_listings(client.sample_homes(50))
            await wait_until_async(partial(client.are_scored, more), message="homes are scored")
        assert {one.actor for one in rollbacks} == {"monitor"}
        back = await wait_until_async(
            lambda: client.model_events("model.swapped")[2:], message="the previous model is active again"
        )
        assert back[0].data.version == "1"
        last = client.publish_listings(client.sample_homes(50))
        await wait_until_async(lambda: client.are_scored(last, "1"), message="the previous model scores again")
    assert registry.resolve().version == "1"
    (warning,) = [record for record in caplog.records if record.message == "promoted model rolled back"]
    assert why in vars(warning)["why"]
