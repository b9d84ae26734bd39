"""What the next file of the audit log holds, agreed on in Redis before it is written.

Whoever writes that file, and however often, writes the same rows under the same name: a monitor that takes over from
one that died or hangs, and that one, should it go on.
"""

from __future__ import annotations

from typing import Any

import redis.asyncio

from monitoring.archive.files import EntrySpan
from monitoring.archive.folder import ArchiveKind
from monitoring.outcomes.guarded_writes import GuardedWrites


class ArchivePlan:
    """The newest agreed span of each kind of file and each shard.

    Args:
        client: replies must be bytes.
        key: of the hash.
    """

    def __init__(self, client: redis.asyncio.Redis, key: str) -> None:
        self._client = client
        self._key = key

    async def read(self, kind: ArchiveKind, shard: int) -> EntrySpan | None:
        """The newest span of a shard; None if nothing was ever agreed on.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        text: Any = await self._client.hget(self._key, _field(kind, shard))
        return EntrySpan.parse(text.decode()) if text else None

    async def replace(self, kind: ArchiveKind, known: EntrySpan | None, span: EntrySpan) -> bool:
        """Agree on the next span; False if another monitor was faster. Raises as `read`.

        Args:
            kind: of the file.
            known: what `read` returned for its shard.
            span: the next one.
        """
        field, writes = _field(kind, span.shard), GuardedWrites()
        writes.guard(self._key, "" if known is None else str(known), field)
        writes.add("HSET", self._key, field, str(span))
        return await writes.commit(self._client)


def _field(kind: ArchiveKind, shard: int) -> str:
    return f"{kind}@{shard}" if shard else kind
