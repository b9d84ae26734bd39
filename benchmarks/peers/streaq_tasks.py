"""Tasks of streaq: ``… streaq_tasks URL QUEUE BOOSTER enqueue`` and then ``collect``, each with JSON on standard input.

``enqueue`` takes pairs of a listing's id and features, and prints the ids of the tasks. ``collect`` takes these, waits
until all are done, and prints for each the listing's id, its prediction, and its finish time in ms by streaq's clock.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio

from benchmarks.peers.streaq_app import predict, worker

POLL_S = 0.2
"""Polling more often would take time from the workers."""
TIMEOUT_S = 60


async def enqueue(listings: list[Any]) -> list[str]:
    """Enqueue a task for each listing."""
    async with worker:
        tasks = [predict.enqueue(listing_id, features) for listing_id, features in listings]
        await worker.enqueue_many(tasks)
    return [task.id for task in tasks]


async def collect(tasks: list[Any]) -> list[tuple[str, float, int]]:
    """Wait for tasks and return their results."""
    async with worker:
        with anyio.fail_after(TIMEOUT_S):
            while await worker.queue_size():  # noqa: ASYNC110 - other processes do the tasks
                await anyio.sleep(POLL_S)
        # `result_by_id` subscribes to a channel for each task, which takes longer than the tasks
        stored = await worker.redis.mget([worker.results_key + task for task in tasks])
        results = [await worker.deserialize(text) for text in stored]
    return [(*result["r"], result["ft"]) for result in results]


def main() -> None:
    """Run the verb of the last argument."""
    verb = {"enqueue": enqueue, "collect": collect}[sys.argv[4]]
    sys.stdout.write(json.dumps(anyio.run(verb, json.load(sys.stdin))) + "\n")


if __name__ == "__main__":
    main()
