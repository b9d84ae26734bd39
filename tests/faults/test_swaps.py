"""A hundred swaps and rollbacks under load, while consumers are killed."""

from __future__ import annotations

import json
import time

import pytest

from tests.consumer.harness import answers
from tests.faults.conftest import Record, StartRound
from tests.faults.domain_run import activate

pytestmark = pytest.mark.faults
SWAPS = 100


def test_a_hundred_swaps_and_rollbacks(redis_url: str, start_round: StartRound, record: Record) -> None:
    """Every price is that of the version it names; no consumer returns to an older activation (`finish` checks)."""
    round_ = start_round(redis_url, swap={"poll_s": 0.02})
    round_.start("a", "b")
    version = 2
    with round_.client() as client:
        for number in range(SWAPS):
            version = max(1, version + round_.random.choice([-1, 1]))  # down is a roll-back
            for run in round_.runs:
                activate(client, run.streams, version)
            time.sleep(round_.random.uniform(0.02, 0.08))
            if number % 25 == 24:
                for run in round_.runs:
                    run.kill("a")
                    run.start("a")
        figures = round_.finish()
        for run in round_.runs:
            rooms = {}
            for entry_id, fields in client.xrange(run.streams.listings):
                row = json.loads(fields[b"data"])["data"]
                rooms[entry_id.decode()] = row["RM"]
            predictions = answers(client, run.streams.predictions)
            for answer in predictions:
                data = answer["data"]
                assert data["prediction"] == pytest.approx(rooms[answer["id"]] * int(data["model"]["version"]))
            activations = {answer["data"]["model"]["activation"] for answer in predictions}
            swaps = sum(e["type"] == "model.swapped" for e in answers(client, run.streams.model_events))
            figures.update(activations_sent=SWAPS, activations_that_predicted=len(activations), swaps=swaps)
            assert len(activations) > SWAPS / 4
    record(figures)
