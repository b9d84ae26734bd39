"""Writes, reads and removes stored features: what is known of a property before its next listing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Self

from redis.exceptions import ResponseError

from producer.plan import settings_of
from schemas.errors import ConfigurationError, DataError
from schemas.settings import Settings
from schemas.stored_features import StoredFeatureFields, StoredFeatures, storable_columns
from transport.connection import connect, is_transient, speaking_to
from transport.server import check_prefix

CHUNK_SUBJECTS = 1000


class FeatureWriter:
    """Stored features of one domain; use it in a `with` block, one for each thread.

    Args:
        redis: the URL of Redis, or settings with `redis_url`.
        domain: whose features are stored; by default that of the settings, which is `housing`.

    Raises:
        ConfigurationError: the domain is not known, a setting is wrong, or the URL of Redis is missing.
    """

    def __init__(self, redis: str | Settings, domain: str | None = None) -> None:
        settings = settings_of(redis, domain)
        if settings.redis_url is None:
            raise ConfigurationError("no Redis: pass its URL, or settings with `redis_url`")
        declared = settings.load_domain()
        self._url = settings.redis_url.get_secret_value()
        check_prefix(self._url, settings.streams)
        self._client: Any = connect(self._url)
        self._key_of = settings.streams.features
        self._columns = storable_columns(declared)
        self._fields = StoredFeatureFields(declared)

    def put(self, stored: StoredFeatures) -> None:
        """Store what is known of a subject, instead of what was known before; `at` is now unless it says so.

        Raises:
            DataError: a value or the subject is not valid, or Redis rejects it; nothing was written.
            RedisUnavailableError: Redis does not answer; it may have been written, and can be written again.
        """
        self.put_many([stored])

    def put_many(self, many: Iterable[StoredFeatures]) -> int:
        """Store what is known of many subjects, a thousand in one round trip; returns how many.

        Raises:
            DataError: one is not valid, or Redis rejects it; earlier ones were written.
            RedisUnavailableError: as `put`.
        """
        return sum(self.put_chunks(many))

    def put_chunks(self, many: Iterable[StoredFeatures]) -> Iterator[int]:
        """Store while the result is iterated; yields the number of each chunk. Raises as `put_many`."""
        remaining = iter(many)
        while chunk := list(islice(remaining, CHUNK_SUBJECTS)):
            encoded = [(each.subject, self.encode(each)) for each in chunk]
            with speaking_to(self._url):
                self._write(encoded)
            yield len(chunk)

    def encode(self, stored: StoredFeatures) -> dict[str, str]:
        """The fields that would be written.

        Raises:
            DataError: a value or the subject is not valid.
        """
        return self._fields.encode(stored)

    def get(self, subject: str) -> StoredFeatures | None:
        """What is stored of a subject, without values that are not valid; None if nothing is.

        Raises:
            DataError: something else than a hash is under its key.
            RedisUnavailableError: Redis does not answer.
        """
        with speaking_to(self._url):
            try:
                fields = self._client.hgetall(self._key_of(subject))
            except ResponseError as error:
                if is_transient(error):
                    raise
                raise DataError(f"subject {subject!r}: cannot be read: {error}") from error
        return self._fields.decode(subject, fields) if fields else None

    def expire(self, subjects: Iterable[str]) -> int:
        """Remove what is stored of subjects; returns of how many something was stored.

        Raises:
            RedisUnavailableError: Redis does not answer.
        """
        remaining, count = iter(subjects), 0
        while chunk := list(islice(remaining, CHUNK_SUBJECTS)):
            with speaking_to(self._url):
                pipeline = self._client.pipeline(transaction=False)
                for subject in chunk:
                    pipeline.unlink(self._key_of(subject))
                count += sum(pipeline.execute())
        return count

    def expire_older(self, than: datetime) -> int:
        """Remove what was true before a time, or has no time; returns the number of subjects.

        All keys of the server are looked at, a thousand at a time; something else than a hash is left alone.

        Raises:
            RedisUnavailableError: as `expire`.
        """
        return self.expire(self._older(than))

    def subjects(self) -> Iterator[str]:
        """All subjects of which something is stored, in no order; looks at all keys of the server."""
        prefix = self._key_of("")
        pattern = re.sub(r"([*?\[\]\\^])", r"\\\1", prefix) + "*"
        with speaking_to(self._url):
            # a key may come twice
            for key in self._client.scan_iter(match=pattern, count=CHUNK_SUBJECTS):
                yield key.decode(errors="replace").removeprefix(prefix)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _write(self, encoded: list[tuple[str, dict[str, str]]]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for subject, fields in encoded:
            # first: a crash in between must not leave an old value with a new time
            if gone := [name for name in self._columns if name not in fields]:
                pipeline.hdel(self._key_of(subject), *gone)
            pipeline.hset(self._key_of(subject), mapping=fields)
        for reply in pipeline.execute(raise_on_error=False):
            if isinstance(reply, ResponseError) and not is_transient(reply):
                raise DataError(f"Redis rejected stored features: {reply}") from reply
            if isinstance(reply, Exception):
                raise reply

    def _older(self, than: datetime) -> Iterator[str]:
        remaining = iter(self.subjects())
        while chunk := list(islice(remaining, CHUNK_SUBJECTS)):
            pipeline = self._client.pipeline(transaction=False)
            for subject in chunk:
                pipeline.hgetall(self._key_of(subject))
            for subject, reply in zip(chunk, pipeline.execute(raise_on_error=False), strict=True):
                at = self._fields.decode(subject, reply).at if isinstance(reply, dict) and reply else than
                if at is None or at.astimezone(UTC) < than:
                    yield subject

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
