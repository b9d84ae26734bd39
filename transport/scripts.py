"""Server-side scripts: each is a `.lua` file beside the module that owns it, and runs by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import NoScriptError


class Script:
    """A script of a package.

    Args:
        package: dotted name of the package that holds the file.
        name: of the file, without `.lua`.

    Attributes:
        text: its source.
        sha1: the hash by which Redis knows it.
    """

    def __init__(self, package: str, name: str) -> None:
        self.text = files(package).joinpath(f"{name}.lua").read_text(encoding="utf-8")
        self.sha1 = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def run(self, client: redis.Redis, keys: Sequence[str], arguments: Sequence[Any] = ()) -> Any:
        """Run it, sent whole where the server does not know its hash yet.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        try:
            return client.evalsha(self.sha1, len(keys), *keys, *arguments)
        except NoScriptError:
            return client.eval(self.text, len(keys), *keys, *arguments)

    async def run_async(
        self, client: redis.asyncio.Redis, keys: Sequence[str | bytes], arguments: Sequence[Any] = ()
    ) -> Any:
        """As `run`, for an asynchronous client."""
        try:
            return await client.evalsha(self.sha1, len(keys), *keys, *arguments)
        except NoScriptError:
            return await client.eval(self.text, len(keys), *keys, *arguments)

    def queue(
        self, pipeline: redis.asyncio.client.Pipeline, keys: Sequence[str], arguments: Sequence[Any] = ()
    ) -> None:
        """Add it to a pipeline, sent whole: a pipeline cannot repeat one command whose script is not known."""
        pipeline.eval(self.text, len(keys), *keys, *arguments)
