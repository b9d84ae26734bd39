"""How long a takeover stops a domain, or one of its shards."""

from __future__ import annotations

import time
from typing import Any

from schemas.streams import Streams
from tests.consumer.harness import Client, event
from tests.faults.domain_run import DomainRun
from tests.faults.harness import wait_for
from tests.redis_server import RedisServer
from transport.connection import connect
from transport.entries import EntryId

READ_ON_MS = 1000
"""Within this time another consumer reads what a killed one does not."""


def seconds_until_answers(run: DomainRun, master: RedisServer, since: float) -> float:
    """Wait until a domain is answered on a new master; returns how long it took since then, in seconds.

    A listing is published there, because publishers may still wait for the former master.
    """
    with connect(master.url) as client:
        wait_for(lambda: client.xadd(run.streams.listings, {"data": event("after-the-takeover")}), "it takes listings")
        goal = run.answered(client) + 1
        wait_for(lambda: run.answered(client) >= goal, "entries are answered on the new master")
    return time.monotonic() - since


def pause_ms(client: Client, shard: Streams, at_ms: int) -> int:
    """How long a shard got no prediction to what was published after a moment."""
    first: Any = client.xrange(shard.listings, at_ms, count=1)
    published = EntryId.parse(first[0][0])
    for answer_id, fields in client.xrange(shard.predictions, at_ms):
        answered = EntryId.parse(fields[b"data"].split(b'"id":"')[1].split(b'"')[0])
        if answered >= published:
            return EntryId.parse(answer_id).ms - published.ms
    raise AssertionError(f"{shard}: nothing that was published after {at_ms} was predicted")
