"""The consumer's server-side scripts but for the commit, bound to one domain's keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis.asyncio

from schemas.streams import Streams
from transport.scripts import read_script


class Scripts:
    """Runs the scripts of this package on one connection pool.

    Args:
        client: replies must be bytes.
        streams: the keys to run on.
    """

    def __init__(self, client: redis.asyncio.Redis, streams: Streams) -> None:
        self._client = client
        self._bound: dict[str, tuple[Any, tuple[str, ...]]] = {}
        self._bind("claim", streams.listings)
        self._bind("take", streams.listings)
        self._bind("renew", streams.listings)
        self._bind("leave", streams.listings, streams.consumers)
        self._bind("create_group", streams.listings, *streams.answers)
        self._bind("trim", streams.listings, *streams.written_answers, streams.window, streams.progress, streams.marks)

    def _bind(self, name: str, *keys: str) -> None:
        self._bound[name] = (self._client.register_script(read_script("consumer", name)), keys)

    async def run(self, name: str, arguments: Sequence[Any]) -> Any:
        """Run a script by its file's name.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        script, keys = self._bound[name]
        return await script(keys=keys, args=arguments)
