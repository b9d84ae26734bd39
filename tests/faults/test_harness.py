"""One short fault round in the normal suite, so that the harness keeps working."""

from __future__ import annotations

from tests.conftest import StartRedis
from tests.faults.conftest import StartProxy, StartRound
from tests.faults.proxy import COMMIT


def test_short_round_with_a_kill_and_a_lost_reply_finds_every_outcome(
    private_redis: StartRedis, start_round: StartRound, start_proxy: StartProxy
) -> None:
    url = private_redis().url
    proxy = start_proxy(url)
    round_ = start_round(url, rate=300)
    round_.start("a", through=proxy.url)
    proxy.lose_reply_to(COMMIT)
    assert proxy.has_lost.wait(120)
    for run in round_.runs:
        run.kill("a")
        run.start("a")
    figures = round_.finish()
    assert figures["receipts"] > 0
    assert figures["prediction"] > 0
