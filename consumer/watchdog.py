"""Ends this process when a challenger takes too long, whatever it is doing: others then claim its listings."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ending_after(seconds: float) -> Iterator[None]:
    """End the process with SIGALRM if the block takes longer; costs two system calls.

    The signal's default action needs no help from Python, so it ends a library that never returns to it too.
    """
    before_s, interval_s = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, before_s, interval_s)
