"""A gateway in front of three shards: answers, repeats, refusals and lookups, wherever a listing is."""

from __future__ import annotations

import json

import redis

from schemas.settings import Settings
from schemas.shards import split_entry
from tests.consumer.harness import ROW
from tests.gateway.system import consuming, gateway_settings, serving
from tests.sharding import set_shards
from transport.reading import scan

IDS = [f"home-{number}" for number in range(12)]


def test_a_listing_is_answered_and_found_in_whichever_shard_it_is(
    redis_client: redis.Redis, redis_url: str, prefix: str
) -> None:
    settings: Settings = gateway_settings(redis_url, prefix)
    shards = set_shards(redis_client, settings.streams, 3)
    with consuming(redis_url, settings), serving([settings]) as gateway:
        made = {listing_id: gateway.post("/predict", {"id": listing_id, **ROW}) for listing_id in IDS}
        assert {reply.status for reply in made.values()} == {200}
        entries = {listing_id: reply.json["entry"] for listing_id, reply in made.items()}
        assert {split_entry(entry)[0] for entry in entries.values()} == {0, 1, 2}
        for listing_id, entry in entries.items():
            shard, entry_id = split_entry(entry)
            assert redis_client.xrange(shards[shard].listings, entry_id, entry_id), "the entry is there"
            assert gateway.get(f"/predictions/{listing_id}").json["entry"] == entry
            again = gateway.post("/predict", {"id": listing_id, **ROW, "RM": 4.0}).json
            assert (again["entry"], again["is_repeat"]) == (entry, True)
        refused = [gateway.post("/predict", {"id": f"bad-{n}", **ROW, "RM": 99}).json["entry"] for n in range(6)]
        assert len({split_entry(entry)[0] for entry in refused}) > 1
        for number, entry in enumerate(refused):
            found = gateway.get(f"/predictions/bad-{number}")
            assert (found.status, found.json["entry"]) == (422, entry)
        assert gateway.get("/predictions/unknown").status == 404

        # deduplication has forgotten it, but the monitor has indexed it
        listing_id = next(each for each in IDS if split_entry(entries[each])[0] == 2)
        found_id = next(
            entry_id
            for entry_id, fields in scan(redis_client, shards[2].predictions)
            if json.loads(fields[b"data"])["data"]["listing_id"] == listing_id
        )
        redis_client.delete(shards[2].dedup_current, shards[2].dedup_previous)
        assert gateway.get(f"/predictions/{listing_id}").status == 404
        at_ms = int(found_id.split(b"-")[0])
        indexed = json.dumps([entries[listing_id], at_ms, 1.0, "1"])
        redis_client.hset(
            settings.streams.recent_predictions(at_ms // 3_600_000), f"gateway/local\n{listing_id}", indexed
        )
        assert gateway.get(f"/predictions/{listing_id}").json["entry"] == entries[listing_id]
