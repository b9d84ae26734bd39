"""A hundred swaps and rollbacks while listings flow and consumers die."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.consumer.harness import answers
from tests.faults.conftest import StartRound
from tests.faults.domain_run import activate

pytestmark = pytest.mark.faults
Record = Callable[[dict[str, Any]], None]
SWAPS = 100


def test_a_hundred_swaps_and_rollbacks(redis_url: str, start_round: StartRound, record: Record) -> None:
    """Every price is that of the version it names; no consumer goes back to an older activation (`finish` checks)."""
    round_ = start_round(redis_url, swap={"poll_s": 0.02})
    round_.start("a", "b")
    version = 2
    with round_.client() as client:
        for number in range(SWAPS):
            version = max(1, version + round_.random.choice([-1, 1]))  # down is a roll-back
            for lane in round_.lanes:
                activate(client, lane.streams, version)
            time.sleep(round_.random.uniform(0.02, 0.08))
            if number % 25 == 24:
                for lane in round_.lanes:
                    lane.kill("a")
                    lane.start("a")
        figures = round_.finish()
        for lane in round_.lanes:
            rooms = {}
            for entry_id, fields in client.xrange(lane.streams.listings):
                row = json.loads(fields[b"data"])["data"]
                rooms[entry_id.decode()] = row["RM"]
            told = answers(client, lane.streams.predictions)
            for answer in told:
                data = answer["data"]
                assert data["prediction"] == pytest.approx(rooms[answer["id"]] * int(data["model"]["version"]))
            activations = {answer["data"]["model"]["activation"] for answer in told}
            swaps = sum(e["type"] == "model.swapped" for e in answers(client, lane.streams.model_events))
            figures.update(activations_asked=SWAPS, activations_that_predicted=len(activations), swaps=swaps)
            assert len(activations) > SWAPS / 4
    record(figures)
