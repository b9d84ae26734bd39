"""How long a takeover stops a domain."""

from __future__ import annotations

import time

from tests.faults.domain_run import DomainRun
from tests.faults.harness import wait_for
from tests.redis_server import RedisServer
from transport.connection import connect


def seconds_until_answers(run: DomainRun, master: RedisServer, since: float) -> float:
    """Wait until a domain is answered on a new master; returns how long it took since then, in seconds."""
    with connect(master.url) as client:
        goal = run.answered(client) + 1
        wait_for(lambda: run.answered(client) >= goal, "entries are answered on the new master")
    return time.monotonic() - since
