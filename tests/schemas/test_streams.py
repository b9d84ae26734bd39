"""Names of streams and keys."""

from __future__ import annotations

from schemas.streams import Streams


def _keys(streams: Streams) -> dict[str, str]:
    names = [name for name in dir(streams) if not name.startswith("_") and name != "prefix"]
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


def test_streams_of_replies_are_keys_of_the_domain() -> None:
    assert Streams("housing").replies("asker-1") == "housing:replies:asker-1"
    assert Streams("{housing}").replies("asker-1").startswith("{housing}:")


def test_a_consumers_scripts_access_only_keys_of_the_domain() -> None:
    streams = Streams("housing")
    assert set(streams.all_of_consumer) <= set(_keys(streams).values())
