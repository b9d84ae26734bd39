"""The shard of a listing is the same for every publisher, and an answer's source names it."""

from __future__ import annotations

import json

import pytest

from schemas.errors import ConfigurationError
from schemas.shards import ShardLayout, answer_source, entry_name, listing_key, shard_of, shard_of_source, split_entry

VECTORS = (
    # subject, source, id, crc32 of the key, shards of 2, 3, 4 and 16
    (None, "crm", "1", 850_928_212, (0, 1, 0, 4)),
    (None, None, "1", 3_941_136_975, (1, 0, 3, 15)),
    ("house-7", "crm", "1", 1_118_107_285, (1, 1, 1, 5)),
    ("house-7", None, "2", 1_118_107_285, (1, 1, 1, 5)),
    (None, "büro", "ß", 179_762_627, (1, 2, 3, 3)),
)
"""Those of docs/shards.md."""


@pytest.mark.parametrize(("subject", "source", "listing_id", "key", "shards"), VECTORS)
def test_vectors_of_the_shard(
    subject: str | None, source: str | None, listing_id: str, key: int, shards: tuple[int, ...]
) -> None:
    event = {"id": listing_id, "source": source, "subject": subject, "data": {"a": 1}}
    present = {name: value for name, value in event.items() if value is not None}
    assert listing_key(subject, source, listing_id) == key
    for payload in (json.dumps(present), json.dumps(event, ensure_ascii=False, indent=1)):
        assert tuple(shard_of(payload.encode(), count) for count in (2, 3, 4, 16)) == shards


@pytest.mark.parametrize("payload", [b"", b"{", b"[1]", b'{"id": 7}', b'{"id": "\xff"}', b'{"id": "\\ud800"}', b"\xff"])
def test_what_has_no_key_has_a_shard_too(payload: bytes) -> None:
    assert shard_of(payload, 1) == 0
    assert {shard_of(payload, 5) for _ in range(3)} <= {*range(5)}


def test_shards_get_equal_shares() -> None:
    found = [shard_of(b'{"source":"crm","id":"%06d"}' % number, 5) for number in range(50_000)]
    assert all(abs(found.count(shard) - 10_000) < 400 for shard in range(5))


@pytest.mark.parametrize("domain", ["housing", "2"])
@pytest.mark.parametrize("shard", [0, 1, 12])
def test_the_source_of_an_answer_names_the_shard(domain: str, shard: int) -> None:
    assert shard_of_source(answer_source(domain, shard)) == shard
    assert split_entry(entry_name(shard, "1-2")) == (shard, "1-2")


def test_an_entry_of_the_first_shard_is_named_by_its_id() -> None:
    assert (entry_name(0, "1-2"), entry_name(3, "1-2")) == ("1-2", "1-2@3")


def test_a_domain_has_one_shard_where_redis_says_nothing() -> None:
    assert ShardLayout.from_hash({}) == ShardLayout(count=1, read=1, epoch=0)
    assert ShardLayout.from_hash({b"count": b"2", b"read": b"4", b"epoch": b"3"}) == ShardLayout(
        count=2, read=4, epoch=3
    )


def test_every_shard_that_gets_listings_is_read() -> None:
    """Someone may have written the count by hand."""
    assert ShardLayout.from_hash({b"count": b"4"}) == ShardLayout(count=4, read=4)
    assert ShardLayout.from_hash({b"count": b"4", b"read": b"2"}) == ShardLayout(count=4, read=4)


@pytest.mark.parametrize("count", [b"many", b"", b"0", b"-1", b"65", b"\xff"])
def test_a_hash_without_a_number_of_shards_is_an_error_of_one_line(count: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"^the hash `shards` in Redis says 'count=.*1 to 64") as caught:
        ShardLayout.from_hash({b"count": count})
    assert "\n" not in str(caught.value)
