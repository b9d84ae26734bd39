"""streaq: one task a listing, on Redis Streams. It takes a Redis's address in place of a port."""

from __future__ import annotations

import sys

import numpy as np
import streaq
import xgboost

QUEUE = "bench-peers"
DONE = "bench-peers:done"

worker: streaq.Worker[None] = streaq.Worker(redis_url=sys.argv[1], queue_name=QUEUE, concurrency=100)
booster = xgboost.Booster(model_file=sys.argv[2])
booster.set_param({"nthread": 1})


@worker.task(ttl=60)
async def predict(listing_id: str, features: list[float]) -> tuple[str, float]:
    """Predict one listing; streaq stores what is returned."""
    price = float(booster.inplace_predict(np.array([features], dtype=np.float32))[0])
    await worker.redis.incr(DONE)
    return listing_id, price


if __name__ == "__main__":
    worker.run_sync()
