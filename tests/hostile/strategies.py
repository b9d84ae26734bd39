"""Hostile entries drawn by hypothesis: arbitrary fields, and variations of a valid event."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from tests.hostile.mutations import Fields
from tests.schemas.test_decoding_parity import events, json_values

_PER_EXAMPLE = 20

payloads = events("housing") | st.binary(max_size=200) | json_values | st.text(max_size=80).map(str.encode)
names = st.sampled_from([b"data", b"__data__", b"payload", b""]) | st.binary(max_size=20)
entries_strategy: st.SearchStrategy[Fields] = payloads.map(lambda payload: {b"data": payload}) | st.dictionaries(
    names, payloads, min_size=1, max_size=4
)


def drawn_entries(count: int, seed: int) -> Iterator[Fields]:
    """`count` entries drawn by hypothesis; the same for the same seed."""
    drawn: list[Fields] = []

    @seeded(seed)
    @settings(
        max_examples=max(count // _PER_EXAMPLE, 1),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(entries_strategy, min_size=_PER_EXAMPLE, max_size=_PER_EXAMPLE))
    def draw(entries: list[Fields]) -> None:
        drawn.extend(entries)

    draw()
    yield from drawn[:count]
