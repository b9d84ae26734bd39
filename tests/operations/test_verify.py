"""Each listing's outcome is found once, lost and doubled ones are named."""

from __future__ import annotations

import json

import pytest
import redis

from operations.dead_letters import DeadLetters
from operations.verify import published, verify
from schemas.streams import Streams
from tests.operations.answers import deliver, drop_repeat, predict, publish, refuse

pytestmark = pytest.mark.usefixtures("group")


def test_each_kind_of_outcome_counts_once(redis_client: redis.Redis, streams: Streams) -> None:
    ids = publish(redis_client, streams, 3)
    deliver(redis_client, streams, 3)
    predict(redis_client, streams, ids[0])
    refuse(redis_client, streams, ids[1])
    drop_repeat(redis_client, streams, ids[2])
    verdict = verify(redis_client, streams, ids)
    assert verdict.is_kept
    assert verdict.outcomes == {"prediction": 1, "dead_letter": 1, "repeat": 1}
    assert str(verdict) == "all 3 listings got exactly one outcome"


def test_an_acknowledged_entry_without_an_answer_is_lost(redis_client: redis.Redis, streams: Streams) -> None:
    ids = publish(redis_client, streams, 2)
    deliver(redis_client, streams, 2)
    predict(redis_client, streams, ids[0])
    redis_client.xack(streams.listings, "scorers", ids[1])
    verdict = verify(redis_client, streams, ids)
    assert verdict.lost == (ids[1],)
    assert not verdict.is_kept
    assert str(verdict) == f"of 2 listings 1 lost ({ids[1]})"


def test_a_second_outcome_is_named_with_both_kinds(redis_client: redis.Redis, streams: Streams) -> None:
    (entry_id,) = publish(redis_client, streams)
    deliver(redis_client, streams, 1)
    predict(redis_client, streams, entry_id)
    drop_repeat(redis_client, streams, entry_id)
    verdict = verify(redis_client, streams, [entry_id])
    assert verdict.doubled == {entry_id: ("prediction", "repeat")}
    assert not verdict.is_kept


def test_pending_and_undelivered_entries_wait_and_are_not_lost(redis_client: redis.Redis, streams: Streams) -> None:
    ids = publish(redis_client, streams, 2)
    deliver(redis_client, streams, 1)
    verdict = verify(redis_client, streams, ids)
    assert verdict.waiting == 2
    assert verdict.lost == ()
    assert not verdict.is_kept


def test_answers_to_other_entries_are_ignored(redis_client: redis.Redis, streams: Streams) -> None:
    ids = publish(redis_client, streams, 2)
    deliver(redis_client, streams, 2)
    for entry_id in ids:
        predict(redis_client, streams, entry_id)
    assert verify(redis_client, streams, ids[:1]).outcomes == {"prediction": 1}


def test_streams_longer_than_a_chunk_are_read_to_the_end(
    redis_client: redis.Redis, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transport.reading.CHUNK", 2)
    ids = publish(redis_client, streams, 5)
    assert verify(redis_client, streams, ids).waiting == 5
    deliver(redis_client, streams, 5)
    assert verify(redis_client, streams, ids).waiting == 5
    for entry_id in ids:
        predict(redis_client, streams, entry_id)
    assert verify(redis_client, streams, published(redis_client, streams)).is_kept
    assert list(published(redis_client, streams, first=ids[3])) == ids[3:]


def test_entries_older_than_trimmed_answers_are_unseen_and_not_lost(
    redis_client: redis.Redis, streams: Streams
) -> None:
    for at_ms, entry_id in enumerate(("1000-0", "3000-0"), 1):
        redis_client.xadd(streams.listings, {"data": "{}"}, id=entry_id)
        deliver(redis_client, streams, 1)
        redis_client.xack(streams.listings, "scorers", entry_id)
        redis_client.xadd(streams.predictions, {"data": json.dumps({"id": entry_id})}, id=f"{at_ms * 2000}-0")
    redis_client.hset(streams.progress, "scored", 2)
    redis_client.xtrim(streams.predictions, maxlen=1, approximate=False)
    verdict = verify(redis_client, streams, ["1000-0", "3000-0"])
    assert (verdict.unseen, verdict.visible_from, verdict.lost) == (1, "4000-0", ())
    assert "1 older than the kept answers (from 4000-0)" in str(verdict)


def test_an_answer_given_after_the_clock_was_set_back_is_found(redis_client: redis.Redis, streams: Streams) -> None:
    redis_client.xadd(streams.listings, {"data": "{}"}, id="5000-0")
    deliver(redis_client, streams, 1)
    redis_client.xack(streams.listings, "scorers", "5000-0")
    redis_client.xadd(streams.predictions, {"data": json.dumps({"id": "5000-0"})}, id="4000-0")
    assert verify(redis_client, streams, ["5000-0"]).is_kept


def test_entries_older_than_trimmed_rate_limited_answers_are_unseen(
    redis_client: redis.Redis, streams: Streams
) -> None:
    for at_ms in (1000, 2000, 3000):
        redis_client.xadd(streams.listings, {"data": "{}"}, id=f"{at_ms}-0")
        redis_client.xadd(streams.rate_limited, {"data": json.dumps({"id": f"{at_ms}-0"})}, id=f"{at_ms + 500}-0")
    deliver(redis_client, streams, 3)
    redis_client.xack(streams.listings, "scorers", "1000-0", "2000-0", "3000-0")
    redis_client.hset(streams.progress, mapping={"refused": 3, "refused:rate_limited": 3})
    ids = ["1000-0", "2000-0", "3000-0"]
    assert verify(redis_client, streams, ids).outcomes == {"dead_letter": 3}
    redis_client.xtrim(streams.rate_limited, maxlen=1, approximate=False)
    verdict = verify(redis_client, streams, ids)
    assert (verdict.unseen, verdict.visible_from, verdict.lost) == (2, "3500-0", ())


def test_resolved_dead_letters_still_count(redis_client: redis.Redis, streams: Streams) -> None:
    ids = publish(redis_client, streams, 2)
    deliver(redis_client, streams, 2)
    letters = [refuse(redis_client, streams, entry_id) for entry_id in ids]
    dead_letters = DeadLetters(redis_client, streams)
    dead_letters.drop(letters[0], "ops")
    replayed = dead_letters.replay(letters[1], "ops")
    verdict = verify(redis_client, streams, [*ids, replayed])
    assert verdict.outcomes == {"dead_letter": 2}
    assert (verdict.waiting, verdict.lost, verdict.visible_from) == (1, (), None)


def test_without_listings_nothing_is_lost(redis_client: redis.Redis, streams: Streams) -> None:
    assert verify(redis_client, streams, []).is_kept
    redis_client.delete(streams.listings)
    assert verify(redis_client, streams, ["1-0"]).waiting == 1
