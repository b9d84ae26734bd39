"""Answer files have a row for each published row, whatever the order of the answers."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pyarrow import parquet

from producer.answer_collector import AnswerCollector
from producer.answer_files import check_answer_path, write_answers
from producer.answer_store import AnswerData, AnswerRow, AnswerStore
from schemas.domain import load_domain
from schemas.errors import DataError
from schemas.streams import Streams
from tests.operations.answers import drop_repeat, predict, publish, refuse

HOUSING = load_domain("housing")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnswerStore]:
    store = AnswerStore(tmp_path / "store")
    yield store
    store.close()


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_answers_out_of_order_are_written_in_the_order_of_the_rows(
    tmp_path: Path, store: AnswerStore, redis_client: redis.Redis, streams: Streams
) -> None:
    predict(redis_client, streams, "5-0", 1.0, "earlier")
    collector = AnswerCollector(redis_client, streams, store)
    first, second, third, fourth = publish(redis_client, streams, 4)
    store.add_entries([first, second, third])
    predict(redis_client, streams, third, 30.0, "l-3")
    predict(redis_client, streams, fourth, 99.0, "of another publisher")
    refuse(redis_client, streams, second, reason="out_of_range")
    assert collector.collect() == 3
    assert (store.published, store.answered, store.missing()) == (3, 2, [first])
    predict(redis_client, streams, first, 10.0, "l-1")
    collector.collect()
    assert write_answers(tmp_path / "answers.csv", HOUSING, store) == 3
    rows = _rows(tmp_path / "answers.csv")
    assert [row["row"] for row in rows] == ["1", "2", "3"]
    assert [row["entry_id"] for row in rows] == [first, second, third]
    assert [row["prediction"] for row in rows] == ["10.0", "", "30.0"]
    assert [row["reason"] for row in rows] == ["", "out_of_range", ""]
    assert rows[1]["error"] == "RM: must be a number"
    assert (rows[0]["model_version"], rows[0]["imputed"], rows[0]["is_repeat"]) == ("7", "CRIM", "false")


def test_a_repeat_gets_the_earlier_prediction_of_its_listing(
    tmp_path: Path, store: AnswerStore, redis_client: redis.Redis, streams: Streams
) -> None:
    predict(redis_client, streams, "5-0", 42.0, "l-3")
    collector = AnswerCollector(redis_client, streams, store)
    entry_ids = publish(redis_client, streams, 2)
    store.add_entries(entry_ids)
    for entry_id in entry_ids:
        drop_repeat(redis_client, streams, entry_id)
    collector.collect()
    collector.find_repeats()
    assert store.kinds() == {"repeated": 2}
    write_answers(tmp_path / "answers.csv", HOUSING, store)
    assert [(row["prediction"], row["is_repeat"]) for row in _rows(tmp_path / "answers.csv")] == [("42.0", "true")] * 2


def test_a_repeat_within_the_file_gets_the_prediction_of_its_first(
    store: AnswerStore, redis_client: redis.Redis, streams: Streams
) -> None:
    collector = AnswerCollector(redis_client, streams, store)
    first, second = publish(redis_client, streams, 2)
    store.add_entries([first, second])
    predict(redis_client, streams, first, 17.0, "l-3")
    drop_repeat(redis_client, streams, second)
    collector.collect()
    redis_client.delete(streams.predictions)
    collector.find_repeats()
    assert [row.data.prediction for row in store] == [17.0, 17.0]


def test_a_repeat_whose_prediction_was_trimmed_has_a_reason(
    tmp_path: Path, store: AnswerStore, redis_client: redis.Redis, streams: Streams
) -> None:
    collector = AnswerCollector(redis_client, streams, store)
    (entry_id,) = publish(redis_client, streams)
    store.add_entries([entry_id])
    drop_repeat(redis_client, streams, entry_id)
    collector.collect()
    collector.find_repeats()
    write_answers(tmp_path / "answers.csv", HOUSING, store)
    (row,) = _rows(tmp_path / "answers.csv")
    assert (row["prediction"], row["reason"], row["is_repeat"]) == ("", "repeat", "true")


def test_a_classification_has_columns_for_its_class_and_probabilities(tmp_path: Path, store: AnswerStore) -> None:
    obesity = load_domain("obesity")
    classes = obesity.target.classes
    chosen = AnswerData("p-1", prediction=classes[1], confidence=0.7, labels={"risk_level": "low"})
    chosen.probabilities = dict.fromkeys(classes, 0.05) | {classes[1]: 0.7}
    store.add_entries(["1-0"])
    store.add_answers([AnswerRow("1-0", "scored", chosen)])
    for name in ("answers.csv", "answers.parquet"):
        write_answers(tmp_path / name, obesity, store)
    (row,) = _rows(tmp_path / "answers.csv")
    assert (row["prediction"], row["confidence"], row["risk_level"]) == (classes[1], "0.7", "low")
    assert row[f"probability_{classes[1]}"] == "0.7"
    (same,) = parquet.read_table(tmp_path / "answers.parquet").to_pylist()
    assert {name: "" if value is None else str(value) for name, value in same.items()} == row | {"is_repeat": "False"}


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_many_answers_are_written_in_constant_memory(tmp_path: Path, store: AnswerStore, ending: str) -> None:
    count = 30_000
    tracemalloc.start()
    for start in range(0, count, 1000):
        ids = [f"{1000 + number}-0" for number in range(start, start + 1000)]
        store.add_entries(ids)
        store.add_answers([AnswerRow(id, "scored", AnswerData(f"l-{id}", prediction=1.0)) for id in reversed(ids)])
    assert write_answers(tmp_path / f"answers{ending}", HOUSING, store) == count
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert store.answered == count
    # Parquet holds ten thousand rows in memory, CSV one
    assert peak_bytes < {".csv": 2e6, ".parquet": 25e6}[ending]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text("old")

    def failing() -> Iterator[object]:
        raise OSError(28, "No space left on device")
        yield

    with pytest.raises(DataError, match=r"answers\.csv: cannot be written: No space left on device"):
        write_answers(tmp_path / "answers.csv", HOUSING, failing())  # type: ignore[arg-type]
    assert (tmp_path / "answers.csv").read_text() == "old"
    assert not list(tmp_path.glob(".answers*"))


def test_an_unusable_path_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"answers\.xlsx: unknown format; the name must end in \.csv"):
        check_answer_path(tmp_path / "answers.xlsx")
    with pytest.raises(DataError, match="does not exist"):
        check_answer_path(tmp_path / "nowhere" / "answers.csv")
    with pytest.raises(DataError, match="answers cannot be stored there"):
        AnswerStore(tmp_path / "nowhere" / "store")


def test_the_resolution_of_a_dead_letter_is_an_answer_too(
    store: AnswerStore, redis_client: redis.Redis, streams: Streams
) -> None:
    collector = AnswerCollector(redis_client, streams, store)
    (entry_id,) = publish(redis_client, streams)
    store.add_entries([entry_id])
    data = {"listing_id": "l-1", "listing_source": "", "reason": "poison", "dead_letter": "9-0", "actor": "ops"}
    resolution = {"id": entry_id, "type": "listing.dropped", "data": data}
    redis_client.xadd(streams.resolutions, {"data": json.dumps(resolution)})
    collector.collect()
    ((_, kind, answer),) = store
    assert (kind, answer.reason) == ("refused", "poison")
