"""Shards: which one a listing belongs to, and how many a domain has.

A domain may spread its listings over several shards, whose keys may lie on different servers. Publishers choose the
shard of a listing: `crc32(key) % count`, where the key is the subject if there is one, else source, newline and id, in
UTF-8. So repeats of an identity, and all listings of a subject, meet in one shard.

Entry ids are unique in a shard only: an entry is identified by its shard and its id. The source of what is written for
an entry names its shard (`answer_source`).
"""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

import msgspec
from pydantic import ValidationError

from schemas.errors import ConfigurationError
from schemas.frozen_model import FrozenModel
from schemas.streams import Streams

MAX_SHARDS = 64
"""Each shard takes two connections of every consumer."""


class ShardLayout(FrozenModel):
    """How many shards a domain has: the hash `shards`. Without the hash it has one.

    Attributes:
        count: over how many shards publishers spread listings.
        read: how many shards are read, at least `count`: more after the count was lowered.
        epoch: how often the count has changed.
    """

    count: int = 1
    read: int = 1
    epoch: int = 0

    @classmethod
    def from_hash(cls, fields: Mapping[bytes, bytes]) -> ShardLayout:
        """Read it from the hash; one shard if there is none. Every shard that gets listings is read, whatever it says.

        Raises:
            ConfigurationError: it does not say how many there are.
        """
        texts = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}
        try:
            layout = cls.model_validate(texts)
        except ValidationError as error:
            raise _invalid(texts) from error
        read = max(layout.count, layout.read)
        if layout.count < 1 or read > MAX_SHARDS:
            raise _invalid(texts)
        return layout if read == layout.read else layout.model_copy(update={"read": read})

    def streams(self, domain: Streams) -> tuple[Streams, ...]:
        """The keys of each shard that is read, in order."""
        return tuple(domain.of_shard(number) for number in range(self.read))


def _invalid(texts: Mapping[str, str]) -> ConfigurationError:
    told = ", ".join(f"{name}={texts[name]}" for name in ("count", "read", "epoch") if name in texts)
    return ConfigurationError(
        f"the hash `shards` in Redis says {told[:100]!r}, and a domain has 1 to {MAX_SHARDS} shards: "
        "delete it, and a running consumer writes the number that it knows"
    )


def listing_key(subject: str | None, source: str | None, listing_id: str) -> int:
    """The crc32 of a listing's key; listings of one subject share it."""
    return crc32((subject or f"{source or ''}\n{listing_id}").encode())


class _Key(msgspec.Struct, gc=False):
    id: str
    source: str | None = None
    subject: str | None = None


_decode = msgspec.json.Decoder(_Key).decode


def shard_of(payload: bytes, count: int) -> int:
    """The shard of an event's JSON, from 0 to `count` - 1. What has no key goes by the crc32 of the payload."""
    if count == 1:
        return 0
    try:
        key = _decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return crc32(payload) % count
    try:
        return listing_key(key.subject, key.source, key.id) % count
    except UnicodeEncodeError:  # half of a surrogate pair
        return crc32(payload) % count


def answer_source(domain: str, shard: int) -> str:
    """The source of what is written for an entry; it names every shard but the first."""
    return f"tasador/{domain}/{shard}" if shard else f"tasador/{domain}"


def shard_of_source(source: str) -> int:
    """The shard that an answer's source names."""
    last = source.rpartition("/")[2]
    return int(last) if last.isdecimal() and source.count("/") > 1 else 0


def entry_name(shard: int, entry_id: str) -> str:
    """The name of an entry in texts: its id, and the shard unless it is the first, as in ``1795219101518-0@2``."""
    return f"{entry_id}@{shard}" if shard else entry_id


def split_entry(name: str) -> tuple[int, str]:
    """The shard and the id of an entry that `entry_name` has named.

    Raises:
        ValueError: the shard is no number.
    """
    entry_id, _, shard = name.partition("@")
    return int(shard or 0), entry_id
