"""An event on a cluster: its cost, measured only if each listing was answered once, and how long a failover takes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.cluster.__main__ import rig_on, spread_prefix
from benchmarks.cluster.drains import ShardedDrain, check_answers, measure_drain, measure_idle
from benchmarks.cluster.failover import NODE_TIMEOUT_S, FailoverReport, Takeover, measure_takeover
from benchmarks.cluster.nodes import MASTERS, cluster
from benchmarks.cluster.report import CLUSTER, ONE, ONE_SHARDED, SETUPS, ClusterReport, event_us
from producer.encoding import encode_listing
from schemas.errors import BenchmarkError
from schemas.streams import SCORERS
from tasador.bench.machine import describe_machine
from tasador.bench.payloads import build_payloads, listing_id
from tasador.bench.rig import Rig, settings_for
from tests.models import SmallModel

LISTINGS = 30_000  # so that they are answered during several samples


def drain(setup: str, consumer_us: float) -> ShardedDrain:
    return ShardedDrain(
        setup=setup,
        publisher_us=1,
        servers_publish_us=1,
        servers_us=4,
        consumer_us=consumer_us,
        events_per_s=1,
    )


def report(costs: dict[str, tuple[float, ...]], idle: float = 0.02) -> ClusterReport:
    drains = tuple(drain(setup, cost) for setup, each in costs.items() for cost in each)
    return ClusterReport(made_at=datetime.now(UTC), machine=describe_machine(), listings=1, drains=drains, idle=idle)


def test_ratios_are_those_of_one_round_and_their_median_decides() -> None:
    good = report({ONE: (5, 15), ONE_SHARDED: (5, 15), CLUSTER: (6, 17)})
    assert good.times(CLUSTER, event_us).median == pytest.approx((1.1 + 1.1) / 2)
    assert good.is_good
    assert all(setup in good.page for setup in SETUPS)
    assert "| together, ratio |  | 1.000 (1.000 - 1.000) | 1.100 (1.100 - 1.100) |" in good.page
    assert not report({ONE: (5,), ONE_SHARDED: (5,), CLUSTER: (7,)}).is_good
    assert not report({ONE: (5,), ONE_SHARDED: (5,), CLUSTER: (5,)}, idle=0.04).is_good


def test_a_listing_that_was_answered_twice_gets_no_result(rig: Rig) -> None:
    shards = [rig.streams, rig.streams.of_shard(1)]
    for shard in shards:
        rig.client.xgroup_create(shard.listings, SCORERS, id="0", mkstream=True)
        rig.client.xadd(shard.predictions, {"data": encode_listing({"data": {"listing_id": listing_id(0)}})})
    try:
        with pytest.raises(BenchmarkError, match="1 of 1 listings were answered, 1 of them more"):
            check_answers(rig, shards, 1)
        rig.client.delete(shards[1].predictions)
        check_answers(rig, shards, 1)
    finally:
        for shard in shards:
            rig.client.delete(shard.listings, shard.predictions)


@pytest.mark.rounds
def test_a_domain_is_drained_on_a_cluster(own_model: SmallModel, tmp_path: Path) -> None:
    with cluster(tmp_path) as servers:
        settings = settings_for(servers.url, own_model.settings.home).model_copy(update={"prefix": spread_prefix()})
        rig = rig_on(servers, settings, own_model.info)
        payloads = build_payloads(settings.load_domain(), LISTINGS)
        measured = measure_drain(CLUSTER, rig, servers, MASTERS, payloads)
        assert measured.publisher_us > 0
        assert measured.event_us > 0
        assert 0 < measure_idle(rig, 1) < 1
        assert list(rig.client.scan_iter("*")) == []
        rig.client.close()


def test_the_longest_failover_decides() -> None:
    good = failovers((3.0, 0.1), (3.1, 0.3))
    assert good.is_good
    assert "| both | 3.25 s | 3.40 s |" in good.page
    assert not failovers((3.0, 0.1), (3.0, 0.1), (3.3, 0.3)).is_good


def failovers(*seconds: tuple[float, float]) -> FailoverReport:
    takeovers = tuple(Takeover(takeover_s=takeover, search_s=search) for takeover, search in seconds)
    return FailoverReport(
        made_at=datetime.now(UTC), machine=describe_machine(), node_timeout_s=1.5, takeovers=takeovers
    )


@pytest.mark.rounds
def test_a_domain_is_answered_after_its_master_was_killed(own_model: SmallModel, tmp_path: Path) -> None:
    settings = settings_for("redis://127.0.0.1", own_model.settings.home)
    takeover = measure_takeover(tmp_path, settings, own_model.info)
    # no replica is elected before the timeout
    assert takeover.takeover_s > NODE_TIMEOUT_S
    assert takeover.search_s > 0
