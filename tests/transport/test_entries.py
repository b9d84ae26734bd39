"""Entry ids: order, parsing and errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
import redis

from schemas.streams import Streams
from transport.entries import EntryId


def test_entry_ids_are_ordered_as_redis_orders_them(redis_client: redis.Redis, streams: Streams) -> None:
    ids = ["9-18446744073709551615", "10-0", "10-2", "10-10", "100-1"]
    for entry_id in ids:
        redis_client.xadd(streams.listings, {"data": "{}"}, id=entry_id)
    stored: list[bytes] = [entry_id for entry_id, _ in cast("Any", redis_client.xrange(streams.listings))]
    assert [str(entry_id) for entry_id in sorted(map(EntryId.parse, reversed(stored)))] == ids


@pytest.mark.parametrize("text", ["1795219101518-3", b"1795219101518-3"])
def test_an_entry_id_is_read_from_text_and_bytes(text: str | bytes) -> None:
    entry_id = EntryId.parse(text)
    assert (entry_id.ms, entry_id.seq) == (1795219101518, 3)
    assert str(entry_id) == "1795219101518-3"


def test_an_id_of_the_future_has_no_age_and_the_largest_id_is_a_date() -> None:
    assert EntryId(1000, 3).age_ms(1250) == 250
    assert EntryId(1000, 3).age_ms(1000) == 0
    assert EntryId(1000, 3).age_ms(999) is None
    assert datetime.fromtimestamp(EntryId(2**64 - 1, 0).moment_ms / 1000, UTC).year == 9999
    assert EntryId(1000, 3).moment_ms == 1000


def test_an_incomplete_id_begins_its_millisecond() -> None:
    assert EntryId.parse("1795219101518") == EntryId(1795219101518, 0)


@pytest.mark.parametrize("text", ["", "-", "$", "a-1", "1-b"])
def test_an_invalid_entry_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        EntryId.parse(text)
