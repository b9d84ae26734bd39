"""Tries what a process does with Redis at its start, so that it names a right that its user lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import redis
from redis.exceptions import NoPermissionError, ResponseError

from schemas.errors import ServerError


def try_rights(role: str, tries: Mapping[str, Callable[[], object]]) -> None:
    """Try each command.

    Args:
        role: of the process in deploy/redis/users.acl.
        tries: by what they do, such as ``read housing:listings``; they must leave nothing behind.

    Raises:
        ServerError: the user lacks a right; the message names it.
        redis.exceptions.RedisError: as the server answered otherwise.
    """
    for what, attempt in tries.items():
        try:
            attempt()
        except ResponseError as error:
            # inside a script a missing right is no NoPermissionError
            if isinstance(error, NoPermissionError) or "permission" in str(error):
                raise ServerError(
                    f"this user of Redis may not {what}: give it the rights of `{role}` in deploy/redis/users.acl"
                ) from error
            raise


def adding(client: redis.Redis, key: str) -> Callable[[], object]:
    """An XADD that is refused for its id, after Redis has checked the right to it."""

    def add() -> None:
        try:
            client.xadd(key, {"probe": ""}, id="0-0", nomkstream=True)
        except NoPermissionError:
            raise
        except ResponseError as error:
            if "0-0" not in str(error):
                raise

    return add
