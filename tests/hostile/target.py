"""Runs the consumer that gets hostile entries: ``python -m tests.hostile.target URL PREFIX``.

It stops when its standard input ends, with exit code 0 unless it failed.
"""

from __future__ import annotations

import asyncio
import sys

from tests.consumer.harness import running, settings_for

KEPT = 60_000


async def main(url: str, prefix: str) -> None:
    """Consume as in production, with full batches and deduplication; only the model is plain."""
    settings = settings_for(
        prefix,
        claim_idle_ms=5000,
        batch={"max_records": 1000, "block_ms": 100},
        retention={"listings": KEPT, "answers": KEPT, "interval_s": 0.2},
    )
    async with running(url, settings):
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
