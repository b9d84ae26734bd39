"""A drain has a result only if each listing was answered exactly once."""

from __future__ import annotations

import sys

import psutil
import pytest

from schemas.decoding import ListingDecoder
from schemas.domain import load_domain
from schemas.errors import BenchmarkError
from schemas.sections import LimitSettings
from tasador.bench.contenders.contender import Contender
from tasador.bench.drain import measure_drain
from tasador.bench.payloads import build_payloads
from tasador.bench.rig import Rig

REPEATER = """
import os, redis, time
client, prefix = redis.Redis.from_url(os.environ["TASADOR_REDIS_URL"]), os.environ["TASADOR_PREFIX"]
for listing in {listings}:
    client.xadd(prefix + ":predictions", {{"data": listing}})
time.sleep(60)
"""


def contender(program: str) -> Contender:
    return Contender(
        "other", "another", ((sys.executable, "-c", program),), lambda event: event.decode(), is_product=False
    )


def measure(rig: Rig, program: str) -> None:
    measure_drain(rig, contender(program), build_payloads(rig.settings.load_domain(), 2), 1)


def test_a_contender_that_dies_is_reported_with_its_last_output(rig: Rig) -> None:
    with pytest.raises(BenchmarkError, match="another ended with exit code 3: no more"):
        measure(rig, "import sys; sys.stderr.write('no more'); sys.exit(3)")


def test_a_contender_that_answers_a_listing_twice_gets_no_result(rig: Rig) -> None:
    with pytest.raises(BenchmarkError, match="another answered 1 of 2 listings, 1 of them more than once"):
        measure(rig, REPEATER.format(listings=["0192f0c1-7b7a-7c3e-9d55-000000000000"] * 2))
    assert not list(rig.client.scan_iter(f"{rig.streams.prefix}*"))


def test_a_contender_without_progress_is_stopped(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasador.bench.drain.STALL_S", 0.1)
    before = psutil.Process().children()
    with pytest.raises(BenchmarkError, match="another made no progress at 0 of 2 listings: the log is empty"):
        measure(rig, "import time; time.sleep(60)")
    assert psutil.Process().children() == before


def test_payloads_are_valid_and_have_different_ids() -> None:
    domain = load_domain("housing")
    decoder = ListingDecoder(domain, LimitSettings())
    payloads = build_payloads(domain, 600)
    assert len({decoder.decode(payload).id for payload in payloads}) == len(payloads)
    assert payloads == build_payloads(domain, 600)
