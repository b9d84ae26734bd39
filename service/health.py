"""The health of one part: whether it can do its work, what is wrong, and whether its loop still turns."""

from __future__ import annotations

import time


class Health:
    """What is wrong with a part, by name; filled by the part, told by its endpoints.

    A reason speaks against readiness, a warning does not: the part does its work, but somebody should look. It begins
    with the reason `start`, which the part clears when it is up.

    Args:
        stall_s: a part that beats is taken for stuck when no beat came for so long; None where nothing beats.
    """

    def __init__(self, stall_s: float | None = None) -> None:
        self._stall_s = stall_s
        self._reasons = {"start": "starting"}
        self._warnings: dict[str, str] = {}
        self._last_beat = time.monotonic()

    def set_reason(self, name: str, reason: str) -> None:
        """Not ready because of this; replaces an earlier reason of that name."""
        self._warnings.pop(name, None)
        self._reasons[name] = reason

    def warn(self, name: str, reason: str) -> None:
        """Ready, though this is wrong; replaces an earlier reason of that name."""
        self._reasons.pop(name, None)
        self._warnings[name] = reason

    def clear(self, name: str) -> None:
        """That reason or warning holds no longer."""
        self._reasons.pop(name, None)
        self._warnings.pop(name, None)

    def beat(self) -> None:
        """The part's loop has come round; it does so too while it waits for Redis or for a model."""
        self._last_beat = time.monotonic()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons and then warnings, each as ``name: reason``, in the order they came."""
        return tuple(f"{name}: {reason}" for name, reason in (*self._reasons.items(), *self._warnings.items()))

    @property
    def is_ready(self) -> bool:
        """Whether nothing speaks against it."""
        return not self._reasons

    @property
    def is_living(self) -> bool:
        """Whether the part still turns; if not, only a new process helps."""
        return self._stall_s is None or time.monotonic() - self._last_beat <= self._stall_s
