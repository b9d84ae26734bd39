"""The console's readers see all shards of a domain."""

from __future__ import annotations

import redis

from console.events import EventLog
from console.letter_box import LetterBox
from console.listing_search import read_dossier, search
from operations.dead_letters import DeadLetters
from schemas.domain import load_domain
from schemas.settings import load_settings
from schemas.shards import entry_name
from schemas.streams import Streams
from tests.operations.answers import predict, refuse
from tests.sharding import set_shards


def test_listings_are_found_in_every_shard(redis_client: redis.Redis, streams: Streams) -> None:
    shards = set_shards(redis_client, streams, 3)
    settings, domain = load_settings(prefix=streams.prefix), load_domain("housing")
    for shard in shards:
        redis_client.xadd(shard.listings, {"data": '{"id": "l-1"}'}, id="5-1")
        predict(redis_client, shard, "5-1", listing_id=f"home-{shard.shard}")
    refuse(redis_client, shards[1], "6-1")
    (hit,) = search(redis_client, settings, domain, "home-2").hits
    assert hit.entry == "5-1@2"
    dossier = read_dossier(redis_client, settings, domain, hit)
    assert dossier.listing == {"id": "l-1"}
    assert {each.entry for each in search(redis_client, settings, domain, "5-1").hits} == {"5-1", "5-1@1", "5-1@2"}
    assert [each.entry for each in search(redis_client, settings, domain, "5-1@1").hits] == ["5-1@1"]
    assert [each.entry for each in search(redis_client, settings, domain, "l-2").hits] == ["6-1@1"]
    assert not search(redis_client, settings, domain, "5-1@7").hits


def test_resolutions_of_every_shard_are_told(redis_client: redis.Redis, streams: Streams) -> None:
    shards = set_shards(redis_client, streams, 3)
    log = EventLog(redis_client, streams)
    assert log.read() == ()
    letters = DeadLetters(redis_client, streams)
    for shard in shards:
        letters.drop(entry_name(shard.shard, refuse(redis_client, shard, "1-0")), "ops")
    events = log.read()
    assert [event.kind for event in events] == ["listing.dropped"] * 3
    assert {event.entry.partition("@")[2] for event in events} == {"", "1", "2"}


def test_letters_of_every_shard_are_counted(redis_client: redis.Redis, streams: Streams) -> None:
    for shard in set_shards(redis_client, streams, 3):
        refuse(redis_client, shard, "1-0")
    box = LetterBox(redis_client, load_settings(prefix=streams.prefix), load_domain("housing"))
    assert box.read(None, None).reasons == (("not_json", 3),)
