"""How a long command is told to stop: SIGTERM and a closed terminal count as Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupted_when_told() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block also for SIGTERM and SIGHUP, each time they come."""
    before = [(each, signal.signal(each, _interrupt)) for each in _SIGNALS]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)


def _interrupt(signal_: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt
