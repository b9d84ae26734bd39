"""The health of one process: whether it is ready, what is wrong, and whether its main loop still runs."""

from __future__ import annotations

import time
from collections.abc import Callable


class Health:
    """What is wrong with a process, by name; its endpoints and its heartbeat show it.

    A reason makes the process unready. A warning does not: the process works, but an operator should look. Health
    starts with the reason `start`, which the process clears when it is up.

    Args:
        stall_s: after this time without a beat the process counts as stuck; None if it does not beat.

    Attributes:
        on_change: called in the event loop when a reason or warning comes or goes, but not when its text changes.
    """

    on_change: Callable[[], None] | None = None

    def __init__(self, stall_s: float | None = None) -> None:
        self._stall_s = stall_s
        self._reasons = {"start": "starting"}
        self._warnings: dict[str, str] = {}
        self._beats = {"": time.monotonic()}

    def set_reason(self, name: str, reason: str) -> None:
        """Add a reason against readiness; replaces an earlier reason or warning of that name."""
        is_new = name not in self._reasons
        self._warnings.pop(name, None)
        self._reasons[name] = reason
        self._notify(has_changed=is_new)

    def warn(self, name: str, reason: str) -> None:
        """Add a warning; replaces an earlier reason or warning of that name."""
        is_new = name not in self._warnings
        self._reasons.pop(name, None)
        self._warnings[name] = reason
        self._notify(has_changed=is_new)

    def clear(self, name: str) -> None:
        """Remove the reason or warning of that name."""
        was_there = name in self._reasons or name in self._warnings
        self._reasons.pop(name, None)
        self._warnings.pop(name, None)
        self._notify(has_changed=was_there)

    def beat(self, name: str = "") -> None:
        """Note that a main loop runs, by name if there are several; it beats too while it waits for Redis or models."""
        self._beats[name] = time.monotonic()

    def _notify(self, *, has_changed: bool) -> None:
        if has_changed and self.on_change is not None:
            self.on_change()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons and then warnings, each as ``name: reason``, in the order they came."""
        return tuple(f"{name}: {reason}" for name, reason in (*self._reasons.items(), *self._warnings.items()))

    @property
    def is_ready(self) -> bool:
        """Whether there is no reason against readiness."""
        return not self._reasons

    @property
    def is_living(self) -> bool:
        """Whether each main loop still runs; if not, the process must be restarted."""
        return self._stall_s is None or time.monotonic() - min(self._beats.values()) <= self._stall_s
