"""A moment means the same to every command, in any time zone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from schemas.errors import DataError
from transport.moments import parse_moment, parse_range


@pytest.fixture(autouse=True)
def _far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sets the local time nine hours ahead of UTC."""
    with monkeypatch.context() as environment:
        environment.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        assert time.localtime(0).tm_hour == 9
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("15min", "100000-0"),
        ("15m", "100000-0"),
        ("1.5s", "998500-0"),
        ("250ms", "999750-0"),
        ("2h", "0-0"),
        ("1d", "0-0"),
        ("1970-01-01T00:10:00Z", "600000-0"),
        ("1970-01-01T00:10", "600000-0"),
        ("1970-01-01T01:10:00+01:00", "600000-0"),
        ("1795219101518-3", "1795219101518-3"),
        ("1795219101518", "1795219101518-0"),
    ],
)
def test_a_moment_is_a_duration_ago_a_time_or_an_entry_id(text: str, moment: str) -> None:
    assert str(parse_moment(text, 1_000_000)) == moment


@pytest.mark.parametrize("text", ["yesterday", "", "30 min", "30x", "-1h", "1970-13-01", "1-2-3"])
def test_the_error_about_an_invalid_moment_lists_valid_ones(text: str) -> None:
    with pytest.raises(DataError, match=r"is no moment: use 15min, 2h or 7d, an ISO time in UTC, or an entry id"):
        parse_moment(text, 0)


@pytest.mark.parametrize(
    ("since", "until", "ids"),
    [
        (None, None, ("-", "+")),
        ("15min", None, ("100000-0", "+")),
        (None, "1970-01-01T00:10", ("-", "600000")),
        ("5-1", "7-0", ("5-1", "7-0")),
        ("5", "7", ("5-0", "7")),
    ],
)
def test_a_range_ends_with_all_of_its_last_millisecond(
    since: str | None, until: str | None, ids: tuple[str, str]
) -> None:
    assert parse_range(since, until, 1_000_000) == ids
