"""streaq: one task per listing, on Redis Streams. This is a worker process; `streaq_tasks` enqueues the tasks.

The arguments are the URL of Redis, the name of the queue and the booster's file.
"""

from __future__ import annotations

import sys

import numpy as np
import streaq
import xgboost

KEPT_S = 300
CONCURRENCY = 100

worker: streaq.Worker[None] = streaq.Worker(
    redis_url=sys.argv[1], queue_name=sys.argv[2], concurrency=CONCURRENCY, anyio_kwargs={"use_uvloop": True}
)
booster = xgboost.Booster(model_file=sys.argv[3])
booster.set_param({"nthread": 1})


@worker.task(ttl=KEPT_S)
async def predict(listing_id: str, features: list[float]) -> tuple[str, float]:
    """Predict one listing; streaq stores the returned value."""
    return listing_id, float(booster.inplace_predict(np.array([features], dtype=np.float32))[0])


if __name__ == "__main__":
    worker.run_sync()
