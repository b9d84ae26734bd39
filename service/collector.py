"""Python's garbage collector in a process that reads or writes much: it runs seldom, and never over what stays.

By default it runs several times in each batch, and a full collection looks at every object of every imported library:
40 ms in a consumer, 100 in a monitor, in which nothing else happens.
"""

from __future__ import annotations

import gc

THRESHOLDS = (10_000, 5, 5)
"""A batch of 1,000 makes fewer objects at once that could be in a cycle, so nothing is collected in the midst of it.
Garbage in cycles waits for some hundred thousand objects, even if it was in use for long."""


def calm_collector() -> None:
    """Collect seldom, and leave out all objects that exist by now; called when the process has imported its modules.

    Imports leave hardly any garbage, so nothing is collected before, which would make the start longer.
    """
    gc.set_threshold(*THRESHOLDS)
    gc.freeze()


def freeze_objects() -> None:
    """Leave out what has come since; called after a load, which may have imported libraries and made a large model.

    Garbage is collected before. What is frozen is still freed when the last reference to it ends.
    """
    gc.collect()
    gc.freeze()
