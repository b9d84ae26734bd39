"""The harness itself, in the normal suite: one short round, so that the long ones do not rot."""

from __future__ import annotations

from tests.conftest import PrivateRedis
from tests.faults.conftest import Proxy, StartRound
from tests.faults.proxy import COMMIT


def test_a_short_round_kills_and_loses_a_reply_and_finds_every_outcome(
    private_redis: PrivateRedis, start_round: StartRound, proxy: Proxy
) -> None:
    url = private_redis().url
    between = proxy(url)
    round_ = start_round(url, rate=300)
    round_.start("a", through=between.url)
    between.lose_reply_to(COMMIT)
    assert between.has_lost.wait(10)
    for lane in round_.lanes:
        lane.kill("a")
        lane.start("a")
    figures = round_.finish()
    assert figures["receipts"] > 0
    assert figures["prediction"] > 0
