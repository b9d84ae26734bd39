"""Runs a consumer in its own process, for tests that kill it: ``python -m tests.consumer.doomed URL PREFIX NAME``.

Scoring a listing with nine rooms kills the process; one with seven keeps it busy until a test kills it.
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


def crash_or_hang(matrix: Matrix) -> None:
    """Act like a crash in a native library, or like a very slow model."""
    if (matrix[:, RM] == DEADLY).any():
        os.kill(os.getpid(), signal.SIGKILL)
    if (matrix[:, RM] == SLOW).any():
        time.sleep(60)


async def main(url: str, prefix: str, name: str) -> None:
    """Consume until killed."""
    async with running(url, settings_for(prefix), name, served(before=crash_or_hang)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
