"""API keys: made once, shown once, and stored as a name, a role and the SHA-256 of the key."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime
from typing import Any, Literal

import redis
import redis.asyncio
from pydantic import AwareDatetime

from schemas.errors import KeyNameError
from schemas.frozen_model import FrozenModel
from schemas.streams import Streams

KeyRole = Literal["client", "operator"]
"""A client scores listings and reports outcomes; an operator may also change the model."""

LOCAL = "local"
"""The name of callers where a gateway on loopback needs no key."""
_KEY_BYTES = 32
_MARK = "tsd_"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class ApiKey(FrozenModel):
    """What is stored of a key; the key has 256 random bits, so its hash needs no salt."""

    name: str
    role: KeyRole
    created: AwareDatetime
    sha256: str


LOCAL_CALLER = ApiKey(name=LOCAL, role="operator", created=datetime.fromtimestamp(0, UTC), sha256="")
"""The caller without a key: on loopback, where no keys are in use, it may do everything."""


def add_key(client: redis.Redis, streams: Streams, name: str, role: KeyRole) -> str:
    """Make a key and store its hash; returns the key, which cannot be shown again.

    Raises:
        KeyNameError: the name cannot be part of a source, is reserved, or is taken.
        redis.exceptions.RedisError: as the server answered.
    """
    if not _NAME.fullmatch(name) or name == LOCAL:
        raise KeyNameError(f"{name!r} is no name of a key: up to 64 letters, digits, dots, dashes, underscores")
    key = _MARK + secrets.token_urlsafe(_KEY_BYTES)
    stored = ApiKey(name=name, role=role, created=datetime.now(UTC), sha256=_digest(key.encode()))
    if not client.hsetnx(streams.gateway_keys, name, stored.model_dump_json()):
        raise KeyNameError(f"there is a key {name!r} already: revoke it first, or choose another name")
    return key


def list_keys(client: redis.Redis, streams: Streams) -> list[ApiKey]:
    """All keys by name.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    stored: Any = client.hgetall(streams.gateway_keys)
    return [ApiKey.model_validate_json(text) for _, text in sorted(stored.items())]


def revoke_key(client: redis.Redis, streams: Streams, name: str) -> None:
    """Delete a key; gateways refuse it within a second.

    Raises:
        KeyNameError: there is no key of that name.
        redis.exceptions.RedisError: as the server answered.
    """
    if not client.hdel(streams.gateway_keys, name):
        raise KeyNameError(f"there is no key {name!r}")


class KeyRing:
    """The keys of one domain, as they were read last; while Redis is away, those stay in force.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        is_on_loopback: whether callers need no key as long as there is none.
    """

    def __init__(self, client: redis.asyncio.Redis, streams: Streams, *, is_on_loopback: bool) -> None:
        self._client = client
        self._hash = streams.gateway_keys
        self._is_on_loopback = is_on_loopback
        self._by_digest: dict[str, ApiKey] | None = None

    async def read(self) -> None:
        """Read the keys.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        stored: Any = await self._client.hgetall(self._hash)
        keys = [ApiKey.model_validate_json(text) for text in stored.values()]
        self._by_digest = {key.sha256: key for key in keys}

    @property
    def is_read(self) -> bool:
        """Whether the keys are known."""
        return self._by_digest is not None

    @property
    def is_open(self) -> bool:
        """Whether callers need no key."""
        return self._is_on_loopback and self._by_digest == {}

    def find(self, key: bytes) -> ApiKey | None:
        """The stored key that was given; None if there is none."""
        return self.find_digest(_digest(key))

    def find_digest(self, digest: str) -> ApiKey | None:
        """The stored key with this SHA-256; None if there is none."""
        found = (self._by_digest or {}).get(digest)
        return found if found is not None and hmac.compare_digest(found.sha256, digest) else None


def _digest(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()
