"""The garbage collector runs seldom, never over what stays, and memory does not grow with garbage."""

from __future__ import annotations

import subprocess
import sys

# in a process of its own, because freezing concerns all objects of a process
PROGRAM = """
import gc, resource
from collections import deque
from service.collector import calm_collector, freeze_objects

kept = [[] for _ in range(200_000)]
calm_collector()
freeze_objects()
collected = []
gc.callbacks.append(lambda phase, info: phase == "stop" and collected.append(info["generation"]))
living = deque(maxlen=20_000)

def make_garbage(count):
    # old enough to have outlived some collections
    for _ in range(count):
        cell = [bytes(500)]
        cell.append(cell)
        living.append(cell)

make_garbage(500_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
make_garbage(800_000)
print("grew_kib", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
print("full", collected.count(2))

living.clear()
for _ in range(50):
    make_garbage(100)
    living.clear()
    freeze_objects()
print("in_later_collections", len(gc.get_objects()))
print("more_frozen", gc.get_freeze_count() - len(kept))
"""


def test_what_stays_is_left_out_and_memory_does_not_grow_with_cyclic_garbage() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    words = done.stdout.split()
    facts = dict(zip(words[::2], words[1::2], strict=True))
    # the garbage of the second part alone takes 500,000 KiB
    assert int(facts["grew_kib"]) < 20_000
    assert int(facts["full"]) > 0
    assert int(facts["in_later_collections"]) < 1000
    assert int(facts["more_frozen"]) < 20_000
