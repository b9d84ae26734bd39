"""A bake detects the harm of a promoted model, and keeps a good one."""

from __future__ import annotations

from typing import Any

import numpy as np
import redis
from numpy.typing import NDArray

from consumer.batch import pack_rows
from monitoring.retraining.baking import BakeMeasurements, find_harm, is_baking, measure_bake, start_bake
from schemas.domain import load_domain
from schemas.sections import LoopSettings
from schemas.states import DesiredModel
from schemas.streams import Streams
from schemas.window import layout_of, row_dtype
from transport.clock import now_ms

HOUSING = load_domain("housing")
LIMITS = LoopSettings(bake_min_answers=50)
GOOD = BakeMeasurements(answered=100, poison_share=0.0, p99_ms=12.0, shift_sd=0.1)


def test_harm_is_what_the_model_did() -> None:
    assert find_harm(GOOD, LIMITS) is None
    assert "could not be scored" in str(find_harm(BakeMeasurements(100, 0.02, 12.0, 0.0), LIMITS))
    assert "p99 latency is 1500 ms" in str(find_harm(BakeMeasurements(100, 0.0, 1500.0, 0.0), LIMITS))
    assert "-1.20 standard deviations" in str(find_harm(BakeMeasurements(100, 0.0, 12.0, -1.2), LIMITS))
    assert find_harm(BakeMeasurements(49, 0.5, 9000.0, 9.0), LIMITS) is None, "too few answers"
    assert find_harm(BakeMeasurements(100, 0.0, None, None), LIMITS) is None


def test_a_bake_ends(redis_client: redis.Redis) -> None:
    at_ms = now_ms(redis_client)
    young = DesiredModel(activation=f"{at_ms - 1000}-0", version="2", digest="d", uri="u")
    old = young.model_copy(update={"activation": f"{at_ms - 11 * 60_000}-0"})
    assert is_baking(young, at_ms, LIMITS)
    assert not is_baking(old, at_ms, LIMITS)


def test_predictions_are_compared_with_those_of_the_previous_model(redis_client: redis.Redis, streams: Streams) -> None:
    desired = DesiredModel(activation="2000-0", version="2", digest="d", uri="u")
    redis_client.hset(streams.progress, mapping={"answered": 100, "refused:poison": 1})
    start = start_bake(redis_client, streams, desired)
    rng = np.random.default_rng(1)
    for activation, mean in (("1000-0", 20.0), ("2000-0", 35.0)):
        for _ in range(3):
            _append(redis_client, streams, activation, rng.normal(mean, 5.0, 40))
    redis_client.hincrby(streams.progress, "answered", 120)
    redis_client.hincrby(streams.progress, "refused:poison", 6)
    measured = measure_bake(redis_client, streams, HOUSING, start, LIMITS)
    assert (measured.answered, measured.poison_share, measured.p99_ms) == (120, 0.05, None)
    assert measured.shift_sd is not None
    assert 2 < measured.shift_sd < 4


def test_too_few_rows_on_one_side_give_no_shift(redis_client: redis.Redis, streams: Streams) -> None:
    desired = DesiredModel(activation="2000-0", version="2", digest="d", uri="u")
    _append(redis_client, streams, "2000-0", np.full(200, 30.0))
    measured = measure_bake(redis_client, streams, HOUSING, start_bake(redis_client, streams, desired), LIMITS)
    assert measured.shift_sd is None


def _append(client: Any, streams: Streams, activation: str, predictions: NDArray[np.float64]) -> None:
    matrix = np.zeros((len(predictions), len(HOUSING.columns)))
    ids = [f"{i + 1}-0".encode() for i in range(len(predictions))]
    rows = pack_rows(row_dtype(HOUSING), ids, matrix, predictions)
    fields = {"rows": rows, "activation": activation, "layout": layout_of(HOUSING), "count": len(predictions)}
    client.xadd(streams.window, fields | {"sum": float(predictions.sum())})
