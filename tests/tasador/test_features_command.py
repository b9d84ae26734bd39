"""`tasador features` stores, shows and removes what is known of properties, and `publish` names them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.errors import DataError
from schemas.streams import Streams
from tasador import FeatureWriter, StoredFeatures
from tasador.cli.commands.features import app
from tasador.cli.commands.publish import publish
from tests.consumer.harness import PRICE_OF_ROW, ROW, Client, answers, count, running, settings_for
from tests.tasador.command import Runner, runner_of, use_redis
from tests.waiting import wait_until_async

COMMAND = Runner(app)
HEAD = "ID,RM,LSTAT,CHAS"


@pytest.fixture(autouse=True)
def _use_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    use_redis(monkeypatch, redis_url, prefix)


def _write(folder: Path, *rows: str, head: str = HEAD) -> str:
    path = folder / "homes.csv"
    path.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    return str(path)


def _stored(client: Client, streams: Streams, subject: str) -> dict[str, str]:
    fields = client.hgetall(streams.features(subject))
    return {name.decode(): value.decode() for name, value in fields.items()}


def test_a_file_is_stored_with_the_meaning_that_its_cells_have_everywhere(
    redis_client: Client, streams: Streams, tmp_path: Path
) -> None:
    redis_client.hset(streams.features("p-1"), mapping={"RM": "4", "TAX": "300", "colour": "red", "at": "2020-01-01"})
    file = _write(tmp_path, 'p-1, 6.5 ,?,1.0,24,"1,234.5"', "17,.5e1,NA,0,,7", head="ID,RM,LSTAT,CHAS,MEDV,TAX")
    assert COMMAND.json("put", file, "--id-column", "ID", "--at", "2h") == {"subjects": 2, "is_dry": False}
    first = _stored(redis_client, streams, "p-1")
    at = datetime.fromisoformat(first.pop("at"))
    assert timedelta(hours=2) <= datetime.now(UTC) - at < timedelta(hours=2, minutes=1)
    assert first == {"RM": "6.5", "CHAS": "1", "TAX": "1234.5", "colour": "red"}, (
        "other fields stay, old features do not"
    )
    assert {**_stored(redis_client, streams, "17"), "at": ""} == {"RM": "5.0", "CHAS": "0", "TAX": "7.0", "at": ""}


def test_times_come_from_a_column_or_are_one_moment(redis_client: Client, streams: Streams, tmp_path: Path) -> None:
    file = _write(tmp_path, "a,6,1,2026-11-20", "b,7,1,2026-11-20T12:00:00+01:00", head="ID,RM,CHAS,SEEN")
    COMMAND.text("put", file, "--id-column", "ID", "--at", "SEEN")
    times = [_stored(redis_client, streams, subject)["at"] for subject in "ab"]
    assert times == ["2026-11-20T00:00:00Z", "2026-11-20T11:00:00Z"]
    COMMAND.text("put", file, "--id-column", "ID", "--at", "2026-11-21T01:02:03Z", "--skip", "SEEN")
    assert _stored(redis_client, streams, "a")["at"] == "2026-11-21T01:02:03Z"


@pytest.mark.parametrize(
    ("rows", "head", "options", "message"),
    [
        (["a,6,1,0", "b,99,1,0"], HEAD, ["--id-column", "ID"], "row 2: .*'b': RM: .*less than or equal to 15"),
        (["a,much,1,0"], HEAD, ["--id-column", "ID"], "row 1: .*RM: Input should be a valid number"),
        (["a,6,1,0.5"], HEAD, ["--id-column", "ID"], "row 1: .*CHAS: "),
        (["a,6,1,0", ",6,1,0"], HEAD, ["--id-column", "ID"], "no subject in column 'ID'"),
        (["a,,?,"], HEAD, ["--id-column", "ID"], "'a': no feature has a value"),
        (["a\tb,6,1,0"], HEAD, ["--id-column", "ID"], "printable characters"),
        (["a,6,1,0"], HEAD, [], "name the column of subjects with --id-column; the columns are ID, RM"),
        (["a,6,1,0"], HEAD, ["--id-column", "NO"], "no id column 'NO'"),
        (["a,6,1"], "ID,RM,POOL", ["--id-column", "ID"], "unknown column 'POOL'"),
        (["a,6,1,0"], HEAD, ["--id-column", "ID", "--at", "SEEN"], "'SEEN' is no moment"),
        (["a,6,"], "ID,RM,SEEN", ["--id-column", "ID", "--at", "SEEN"], "no time in column 'SEEN'"),
        (["a,6,once"], "ID,RM,SEEN", ["--id-column", "ID", "--at", "SEEN"], "column 'SEEN': 'once' is no moment"),
        (['a,"6,5",1,0'], HEAD, ["--id-column", "ID"], "decimal"),
    ],
)
def test_nothing_of_a_file_is_stored_unless_every_row_is_valid(
    redis_client: Client,
    streams: Streams,
    tmp_path: Path,
    rows: list[str],
    head: str,
    options: list[str],
    message: str,
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        COMMAND.run("put", _write(tmp_path, *rows, head=head), *options)
    assert "\n" not in str(caught.value)
    assert not redis_client.keys(streams.features("*"))


def test_a_dry_run_checks_and_stores_nothing(redis_client: Client, streams: Streams, tmp_path: Path) -> None:
    text = COMMAND.text("put", _write(tmp_path, "a,6,1,0"), "--id-column", "ID", "--dry-run")
    assert text == "subjects that can be stored: 1\n"
    assert not redis_client.keys(streams.features("*"))


def test_what_is_stored_is_shown_as_consumers_see_it(redis_client: Client, streams: Streams) -> None:
    at = (datetime.now(UTC) - timedelta(days=8)).isoformat()
    redis_client.hset(streams.features("p"), mapping={"RM": "6.5", "CHAS": "1", "TAX": "-3", "AGE": "old", "at": at})
    found = COMMAND.json("get", "p")
    assert (found["features"], found["is_fresh"], found["at"]) == ({"CHAS": 1, "RM": 6.5}, False, at)
    assert "longer ago than 604,800 s" in COMMAND.text("get", "p")
    redis_client.hdel(streams.features("p"), "at")
    assert "without a time" in COMMAND.text("get", "p")
    assert COMMAND.json("get", "p")["age_s"] is None
    with pytest.raises(DataError, match="nothing is stored of 'q'"):
        COMMAND.run("get", "q")
    redis_client.set(streams.features("text"), "x")
    with pytest.raises(DataError, match="cannot be read: WRONGTYPE"):
        COMMAND.run("get", "text")


def test_features_are_removed_by_name_or_by_age(redis_client: Client, redis_url: str, streams: Streams) -> None:
    settings = settings_for(streams.prefix, redis_url=redis_url)
    now = datetime.now(UTC)
    with FeatureWriter(settings) as writer:
        ages = {"new": 0, "week": 7, "month": 31, "a:b*": 1}
        writer.put_many(StoredFeatures(s, {"RM": 6.5}, now - timedelta(days=days)) for s, days in ages.items())
        redis_client.hset(streams.features("undated"), "RM", "6")
        redis_client.set(streams.features("text"), "x")
        assert sorted(writer.subjects()) == ["a:b*", "month", "new", "text", "undated", "week"]
        assert COMMAND.json("expire", "--older-than", "30d") == {"subjects": 2}
        assert sorted(writer.subjects()) == ["a:b*", "new", "text", "week"]
        assert COMMAND.text("expire", "week", "gone", "a:b*") == "subjects removed: 2\n"
        assert sorted(writer.subjects()) == ["new", "text"]
    assert COMMAND.run("expire").exit_code == 2
    assert COMMAND.run("expire", "new", "--older-than", "1d").exit_code == 2


def test_python_stores_what_is_valid_and_says_what_is_not(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    with FeatureWriter(settings_for(streams.prefix, redis_url=redis_url)) as writer:
        for wrong, message in (({"RM": True}, "RM"), ({"POOL": 1}, "POOL: Extra"), ({"RM": float("nan")}, "finite")):
            with pytest.raises(DataError, match=message):
                writer.put(StoredFeatures("p", wrong, None))
        writer.put(StoredFeatures("p", {"RM": 6, "LSTAT": None}, None))
        stored = writer.get("p")
        assert stored
        assert stored.features == {"RM": 6}
        assert stored.is_fresh(60, datetime.now(UTC))
        redis_client.set(streams.features("text"), "x")
        with pytest.raises(DataError, match="WRONGTYPE"):
            writer.put(StoredFeatures("text", {"RM": 6}, None))


async def test_a_file_of_subjects_is_scored_with_what_is_stored(
    redis_client: Client, redis_url: str, streams: Streams, tmp_path: Path
) -> None:
    with FeatureWriter(settings_for(streams.prefix, redis_url=redis_url)) as writer:
        writer.put(StoredFeatures("p-1", {name: value for name, value in ROW.items() if name != "LSTAT"}, None))
    path = tmp_path / "listings.csv"
    path.write_text("ID,HOME,LSTAT\nl-1,p-1,5\nl-2,p-2,5\n", encoding="utf-8")
    runner = runner_of(publish)
    runner.text(str(path), "--id-column", "ID", "--subject-column", "HOME")
    with pytest.raises(DataError, match="no subject column 'ROOM'"):
        runner.run(str(path), "--id-column", "ID", "--subject-column", "ROOM", "--skip", "HOME")
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 2)
    (prediction,) = answers(redis_client, streams.predictions)
    assert (prediction["subject"], prediction["data"]["prediction"]) == ("p-1", PRICE_OF_ROW)
    (letter,) = answers(redis_client, streams.dead_letters)
    assert json.loads(letter["data"]["payload"])["subject"] == "p-2"
