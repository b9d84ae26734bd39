"""Runs a consumer whose challenger is broken: ``python -m tests.consumer.doomed_rollout URL PREFIX NAME FAULT``.

The rollout is the desired one in Redis; only its challenger is not fetched.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time

from consumer.served_model import ServedModel
from schemas.rollouts import DesiredRollout
from schemas.rows import Matrix
from tests.consumer.harness import PlainScorer, running, settings_for
from tests.consumer.rollouts import CHALLENGER, served_challenger

TIMEOUT_S = 0.5
SLOW_S = 0.4


def kill(_: Matrix) -> None:
    """Crash as a native library does."""
    os.kill(os.getpid(), signal.SIGKILL)


def hang(_: Matrix) -> None:
    """Never return, in a library that does not let Python run meanwhile."""
    ctypes.PyDLL(None).sleep(60)


def take_long(_: Matrix) -> None:
    """Take longer than others wait before they claim."""
    time.sleep(SLOW_S)


FAULTS = {"kill": kill, "hang": hang, "slow": take_long}


async def main(url: str, prefix: str, name: str, fault: str) -> None:
    """Consume until killed."""

    async def fetch(_: DesiredRollout) -> ServedModel:
        return served_challenger(PlainScorer(CHALLENGER, FAULTS[fault]))

    settings = settings_for(prefix, rollout={"timeout_s": TIMEOUT_S}, swap={"poll_s": 0.05})
    async with running(url, settings, name) as consumer:
        consumer.rollouts._fetch = fetch  # type: ignore[method-assign, assignment]
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
