"""Outcome files, and publishing outcomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from producer.files import ListingFile
from producer.outcomes import OutcomeFile, OutcomePublisher
from schemas.domain import load_domain
from schemas.errors import ConfigurationError, DataError
from schemas.events import Outcome
from schemas.settings import Settings
from schemas.streams import Streams
from tests.listings import Row

HOUSING = load_domain("housing")


def _file(folder: Path, text: str, id_column: str | None = "ID", name: str = "sold.csv") -> OutcomeFile:
    path = folder / name
    path.write_text(text)
    return OutcomeFile(path, HOUSING, id_column, "/agency/42")


def _outcomes(file: OutcomeFile) -> list[tuple[str, float | str]]:
    events = [Outcome.model_validate_json(each) for each in file]
    assert {event.data.listing_source for event in events} == {"/agency/42"}
    return [(event.data.listing_id, event.data.outcome) for event in events]


def test_rows_with_an_outcome_are_read_and_others_are_counted(tmp_path: Path) -> None:
    file = _file(tmp_path, "ID,agent,MEDV\nl-1,x,24\nl-2,y,\nl-3,z,NA\n4,z,1e1\n")
    assert _outcomes(file) == [("l-1", 24.0), ("4", 10.0)]
    assert file.skipped == 2
    assert file.done == file.total


def test_a_file_gives_the_same_ids_to_listings_and_outcomes(tmp_path: Path, boston_rows: list[Row]) -> None:
    header = ",".join([*boston_rows[0], "MEDV"])
    lines = [",".join(map(str, [*row.values(), 20 + n])) for n, row in enumerate(boston_rows[:3])]
    outcomes = _file(tmp_path, "\n".join([header, *lines]), None)
    listings: list[Any] = list(ListingFile(tmp_path / "sold.csv", HOUSING))
    assert _outcomes(outcomes) == [(each["id"], 20.0 + n) for n, each in enumerate(listings)]
    ids = [json.loads(each)["id"] for each in outcomes]
    assert ids == [json.loads(each)["id"] for each in outcomes]


def test_whole_events_are_accepted_and_checked(tmp_path: Path) -> None:
    whole = {"id": "o-1", "data": {"listing_id": "l-1", "listing_source": "/agency/42", "outcome": 24}}
    file = _file(tmp_path, json.dumps(whole) + '\n{"ID": 2, "MEDV": 30.5}\n', name="sold.jsonl")
    assert _outcomes(file) == [("l-1", 24.0), ("2", 30.5)]
    with pytest.raises(DataError, match=r"sold\.jsonl line 1: not a valid outcome: listing_id: Field required"):
        _file(tmp_path, '{"id": "o-1", "data": {"outcome": 24}}', name="sold.jsonl")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ID,price\nl-1,24\n", r"sold\.csv: missing column 'MEDV'; the columns are ID, price"),
        ("MEDV\n24\n", r"sold\.csv: missing column 'ID'; the columns are MEDV"),
        ("ID,MEDV\nl-1,dear\n", r"sold\.csv line 2: MEDV is 'dear', which is not a number"),
        ("ID,MEDV\nl-1,\n", r"sold\.csv: has no outcomes"),
        (f"ID,MEDV\n{'l' * 300},24\n", r"line 2: not a valid outcome: listing_id: String should have at most 256"),
    ],
)
def test_an_invalid_outcome_is_reported(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        _file(tmp_path, text)


def test_an_outcome_of_classes_is_one_of_them(tmp_path: Path) -> None:
    obesity = load_domain("obesity")
    path = tmp_path / "levels.csv"
    path.write_text("ID,NObeyesdad\n1,Normal_Weight\n2,Thin\n")
    outcomes = iter(OutcomeFile(path, obesity, "ID"))
    assert Outcome.model_validate_json(next(outcomes)).data.outcome == "Normal_Weight"
    with pytest.raises(DataError, match="line 3: NObeyesdad is 'Thin'; it must be one of Insufficient_W"):
        next(outcomes)


def test_outcomes_are_published_to_their_stream_in_order(
    tmp_path: Path, settings: Settings, redis_client: redis.Redis, streams: Streams
) -> None:
    file = _file(tmp_path, "ID,MEDV\n" + "".join(f"l-{n},{n}\n" for n in range(25)))
    with OutcomePublisher(settings) as publisher:
        chunks = list(publisher.publish_chunks(file, chunk_size=10))
    entries: Any = redis_client.xrange(streams.outcomes)
    assert [len(chunk) for chunk in chunks] == [10, 10, 5]
    assert [entry.decode() for entry, _ in entries] == [entry for chunk in chunks for entry in chunk]
    assert [json.loads(fields[b"data"])["data"]["outcome"] for _, fields in entries] == list(range(25))
    assert not redis_client.exists(streams.listings)


def test_a_publisher_without_redis_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="no Redis"):
        OutcomePublisher(Settings(redis_url=None))
    assert OutcomePublisher(Settings(redis_url=SecretStr("redis://127.0.0.1:1"))) is not None
