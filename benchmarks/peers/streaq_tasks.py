"""Tasks of streaq: ``… streaq_tasks URL QUEUE BOOSTER enqueue`` and then ``collect``, each with JSON on standard input.

``enqueue`` takes pairs of a listing's id and its features, and prints the tasks' ids. ``collect`` takes these, waits
until each is done, and prints for each the listing's id, its prediction, and when streaq says that it was done, in ms.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio

from benchmarks.peers.streaq_app import predict, worker

LOOK_S = 0.2
"""How often it is looked at; the cores are for the workers."""
PATIENCE_S = 60


async def enqueue(listings: list[Any]) -> list[str]:
    """Enqueue a task for each listing."""
    async with worker:
        tasks = [predict.enqueue(listing_id, features) for listing_id, features in listings]
        await worker.enqueue_many(tasks)
    return [task.id for task in tasks]


async def collect(tasks: list[Any]) -> list[tuple[str, float, int]]:
    """Wait for tasks."""
    async with worker:
        with anyio.fail_after(PATIENCE_S):
            while await worker.queue_size():  # noqa: ASYNC110 - the event is in other processes
                await anyio.sleep(LOOK_S)
        # `result_by_id` subscribes to a channel for each task, which takes longer than the tasks
        stored = await worker.redis.mget([worker.results_key + task for task in tasks])
        found = [await worker.deserialize(one) for one in stored]
    return [(*one["r"], one["ft"]) for one in found]


def main() -> None:
    """Do what the last argument says."""
    doing = {"enqueue": enqueue, "collect": collect}[sys.argv[4]]
    sys.stdout.write(json.dumps(anyio.run(doing, json.load(sys.stdin))) + "\n")


if __name__ == "__main__":
    main()
