"""Changes how many shards a domain has, while listings arrive: nothing is lost, doubled or out of order.

Publishers wait until it is done. Meanwhile all that was published is answered, the identities of predictions are added
to the shards that their repeats will go to, and the new number is written. So listings of one subject that are
published afterwards are read after those from before, wherever they go.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import redis

from operations.identities import IdentityMover
from schemas.command_line import spell_command
from schemas.errors import ShardError
from schemas.frozen_model import FrozenModel
from schemas.shards import ShardLayout
from schemas.streams import Streams
from transport.entries import EntryId
from transport.reading import last_delivered, newest, pending
from transport.scripts import Script
from transport.shards import read_layout

HOLD_MS = 15_000
"""Publishers go on after this time if the command dies."""
SETTLE_S = 2.0
"""Publishers trust what they know of the shards for a second, and a chunk may be on its way for another."""
POLL_S = 0.05

_RENEW, _WRITE, _RELEASE = (Script("operations", name) for name in ("renew_hold", "write_layout", "release_hold"))


class Resharded(FrozenModel):
    """What a change did.

    Attributes:
        before: the shards before.
        after: the shards now.
        identities: how many identities of predictions were added to another shard.
        held_s: how long publishers waited, in s.
    """

    before: ShardLayout
    after: ShardLayout
    identities: int
    held_s: float


@dataclass
class Resharding:
    """Changes the number of shards of one domain.

    Attributes:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: its name.
        kept_s: for how long identities of predictions are kept, in s.
        timeout_s: how long what was published may take to be answered.
        on_stage: called with what is being waited for.
    """

    client: redis.Redis
    streams: Streams
    domain: str
    kept_s: int
    timeout_s: float
    on_stage: Callable[[str], None] = lambda _: None
    _token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def set(self, count: int) -> Resharded:
        """Let the domain have this many shards.

        Raises:
            ShardError: another command is at it, listings are not answered in time, or the hold was lost; the number
                of shards is as before.
            redis.exceptions.RedisError: as the server answered; the same.
        """
        before = read_layout(self.client, self.streams)
        if before.count == count:
            return Resharded(before=before, after=before, identities=0, held_s=0.0)
        reading = before.model_copy(update={"read": max(before.read, count)})
        with self._held(reading) as begin_s:
            self.on_stage("publishers wait")
            self._wait(SETTLE_S, reading)
            self._drain(reading)
            self.on_stage("identities of predictions are added to their shards")
            identities = self._move(reading, count)
            after = ShardLayout(count=count, read=self._still_read(reading, count), epoch=before.epoch + 1)
            if not _WRITE.run(self.client, self._keys, (self._token, after.count, after.read, after.epoch)):
                raise _lost()
            return Resharded(
                before=before, after=after, identities=identities, held_s=round(time.monotonic() - begin_s, 3)
            )

    @property
    def _keys(self) -> tuple[str, str]:
        return self.streams.shards_hold, self.streams.shards

    @contextmanager
    def _held(self, reading: ShardLayout) -> Iterator[float]:
        """Let publishers wait during this block, and consumers read the shards of both numbers."""
        if not self.client.set(self.streams.shards_hold, self._token, nx=True, px=HOLD_MS):
            raise ShardError("the number of shards is being changed by another command")
        try:
            self._renew(reading)
            yield time.monotonic()
        finally:
            _RELEASE.run(self.client, [self.streams.shards_hold], [self._token])

    def _renew(self, reading: ShardLayout) -> None:
        if not _RENEW.run(self.client, self._keys, (self._token, HOLD_MS, reading.read, reading.count)):
            raise _lost()

    def _wait(self, seconds: float, reading: ShardLayout) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self._renew(reading)
            time.sleep(POLL_S)

    def _drain(self, reading: ShardLayout) -> None:
        """Wait until everything that was published is answered."""
        self.on_stage("listings are answered")
        deadline_s = time.monotonic() + self.timeout_s
        shards = reading.streams(self.streams)
        while waiting := [shard.shard for shard in shards if not self._is_drained(shard)]:
            if time.monotonic() > deadline_s:
                names = ", ".join(map(str, waiting))
                raise ShardError(
                    f"listings in shard {names} were not answered within {self.timeout_s:g} s, so nothing was changed: "
                    f"look at `{spell_command('status', self.domain)}`, or allow more with --timeout"
                )
            self._wait(POLL_S, reading)

    def _is_drained(self, shard: Streams) -> bool:
        last = newest(self.client, shard.listings, 1)
        is_delivered = not last or EntryId.parse(last[0][0]) <= last_delivered(self.client, shard)
        return is_delivered and next(pending(self.client, shard), None) is None

    def _move(self, reading: ShardLayout, count: int) -> int:
        if not self.kept_s:
            return 0
        moved, renewed_s = 0, 0.0
        for added in IdentityMover(self.client, self.streams, self.kept_s).move(reading, count):
            moved += added
            if time.monotonic() - renewed_s > HOLD_MS / 10_000:
                self._renew(reading)
                renewed_s = time.monotonic()
        return moved

    def _still_read(self, reading: ShardLayout, count: int) -> int:
        """How many shards must be read: those that hold anything are, beside those that get listings."""
        shards = reading.streams(self.streams)
        keys = [(s.shard, (s.listings, *s.answers, s.explain)) for s in shards]
        kept = [shard + 1 for shard, own in keys if any(self.client.xlen(key) for key in own)]
        return max(count, *kept, 1)


def _lost() -> ShardError:
    return ShardError(
        "publishers no longer wait for this command, which was stopped for too long; nothing was changed: repeat it"
    )
