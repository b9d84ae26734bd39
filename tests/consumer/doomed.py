"""A consumer in a process of its own that a test can kill: ``python -m tests.consumer.doomed URL PREFIX NAME``.

Scoring a listing with nine rooms kills the process; one with seven keeps it busy until it is killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

from schemas.rows import Matrix
from tests.consumer.harness import RM, running, served, settings_for

DEADLY, SLOW = 9.0, 7.0


def suffer(matrix: Matrix) -> None:
    """What a crash in a native library does, and what a very slow model does."""
    if (matrix[:, RM] == DEADLY).any():
        os.kill(os.getpid(), signal.SIGKILL)
    if (matrix[:, RM] == SLOW).any():
        time.sleep(60)


async def main(url: str, prefix: str, name: str) -> None:
    """Consume until killed."""
    async with running(url, settings_for(prefix), name, served(before=suffer)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
