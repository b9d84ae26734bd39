"""What to do about each reason of a status, in a sentence; docs/runbook.md has a section on each."""

from __future__ import annotations

import re

_ADVICE: tuple[tuple[str, str], ...] = (
    (r"no consumer lives", "Listings wait; none is lost. Start consumers, or look at their logs."),
    (
        r"no model has been activated yet: .*",
        "Train a champion, or wait for the training that runs; a training worker activates it within seconds.",
    ),
    (r"no training worker lives", "Consumers score on, but commands wait. Start a training worker."),
    (r"no monitor lives", "Drift and quality are not watched, and nothing is retrained by itself. Start a monitor."),
    (r".*: no heartbeat for \d+ s", "The process died or hangs. Look at its log, and start it under the same name."),
    (
        r".*: waiting.*",
        "The brackets say what for: Redis, a model, rights or the registry. `tasador check` tries each.",
    ),
    (r".*: stopping.*", "It finishes its batch and leaves. If that takes over a minute, Redis cannot be written."),
    (
        r".*: running.*",
        "It works and tries again by itself; the brackets say what is wrong. A restart applies settings.",
    ),
    (
        r".*: runs version .*, .* is desired",
        "It has rejected the desired model or is still loading it: the events say which. Reload it, or roll back.",
    ),
    (
        r"an entry has been pending for \d+ s",
        "A consumer holds it. If it kills consumers, it becomes a dead letter after its last attempt.",
    ),
    (
        r"the backlog of \d+ has reached the high-water mark \d+",
        "Publishers wait and nothing is lost. Start more consumers, or find out why none scores.",
    ),
    (
        r"group .* has not read .*",
        "Another application stopped reading, so memory grows. Start it again, or destroy its group.",
    ),
    (
        r".*ahead.*",
        "A clock was set back, so ages are unknown until it has caught up. Correct the time of Redis's machine.",
    ),
)


def advise(reason: str) -> str | None:
    """What to do about a reason; None for one that nobody has written about."""
    return next((advice for pattern, advice in _ADVICE if re.fullmatch(pattern, reason, re.DOTALL)), None)
