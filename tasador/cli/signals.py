"""Signals that stop a long-running command: SIGTERM and SIGHUP are handled like Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupt_on_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block for each SIGTERM and SIGHUP too."""
    before = [(each, signal.signal(each, _interrupt)) for each in _SIGNALS]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)


def _interrupt(signal_: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt
