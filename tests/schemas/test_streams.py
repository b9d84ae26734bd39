"""Names of streams and keys."""

from __future__ import annotations

from schemas.shards import ShardLayout
from schemas.streams import Streams


def _keys(streams: Streams) -> dict[str, str]:
    names = [name for name in dir(streams) if not name.startswith("_") and name not in {"prefix", "shard_prefix"}]
    values = {name: getattr(streams, name) for name in names}
    return {name: value for name, value in values.items() if isinstance(value, str)}


DOCUMENTED = {
    "listings": "housing:listings",
    "predictions": "housing:predictions",
    "dead_letters": "housing:dead-letters",
    "repeats": "housing:repeats",
    "rate_limited": "housing:rate-limited",
    "window": "housing:window",
    "commands": "housing:commands",
    "command_replies": "housing:commands:answers",
    "model_events": "housing:model-events",
    "model": "housing:model",
    "outcomes": "housing:outcomes",
    "drift": "housing:drift",
    "progress": "housing:progress",
    "consumers": "housing:consumers",
    "dedup_current": "housing:dedup:current",
}


def test_keys_match_the_documentation() -> None:
    assert DOCUMENTED.items() <= _keys(Streams("housing")).items()


def test_all_keys_differ_and_are_in_the_slot_of_the_hash_tag() -> None:
    keys = [*_keys(Streams("{housing}")).values(), *_keys(Streams("{housing}").probe("c1")).values()]
    assert len(keys) == len(set(keys))
    assert all(key.startswith("{housing}:") for key in keys)


def test_keys_of_a_shard_are_in_a_slot_of_their_own() -> None:
    first, third = Streams("agency-{housing}"), Streams("agency-{housing}", 2)
    own = {third.listings, *third.answers, third.window, third.progress, third.trim_marks, third.dedup_current}
    own |= {third.replies("a"), third.bucket("crm"), third.explain, third.explanations, third.shadows}
    assert all(key.startswith("agency-{housing.2}:") for key in {*own, *third.probe("c1").all_of_consumer})
    assert (third.model, third.rollout, third.outcomes, third.consumers, third.shards) == (
        first.model,
        first.rollout,
        first.outcomes,
        first.consumers,
        first.shards,
    )
    assert Streams("housing", 2).listings == "housing.2:listings"


def test_the_first_shard_has_the_keys_of_a_domain_with_one() -> None:
    assert ShardLayout(count=3, read=3).streams(Streams("{housing}"))[0] == Streams("{housing}")


def test_streams_of_replies_are_keys_of_the_domain() -> None:
    assert Streams("housing").replies("asker-1") == "housing:replies:asker-1"
    assert Streams("{housing}").replies("asker-1").startswith("{housing}:")


def test_a_consumers_scripts_access_only_keys_of_the_domain() -> None:
    streams = Streams("housing")
    assert set(streams.all_of_consumer) <= set(_keys(streams).values())
