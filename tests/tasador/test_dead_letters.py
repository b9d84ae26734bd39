"""`tasador dead-letters`: list, show, replay, drop, export and edit."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner

from operations.command_sender import current_actor
from schemas.decoding import payload_of
from schemas.errors import ConfigurationError, DataError, DeadLetterError
from schemas.events import Resolution
from schemas.streams import Streams
from tasador.cli.commands.dead_letters import app
from tasador.cli.commands.publish import publish
from tests.consumer.harness import ROW
from tests.operations.answers import refuse
from tests.tasador.command import Runner, runner_of, use_redis
from transport.reading import scan

COMMAND = Runner(app)


@pytest.fixture(autouse=True)
def _use_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    use_redis(monkeypatch, redis_url, prefix)


def test_list_filters_by_reason_and_count(redis_client: redis.Redis, streams: Streams) -> None:
    ids = [
        refuse(redis_client, streams, f"{number}-0", reason=reason)
        for number, reason in enumerate(("poison", "not_json", "poison"), 1)
    ]
    assert [line.split()[0] for line in COMMAND.text("list").splitlines()[1:]] == ids[::-1]
    assert [each["entry_id"] for each in COMMAND.json("list", "--reason", "poison")] == [ids[2], ids[0]]
    assert [each["entry_id"] for each in COMMAND.json("list", "-n", "1")] == [ids[2]]


def test_list_of_no_dead_letters() -> None:
    assert COMMAND.text("list") == "no dead letters\n"
    assert COMMAND.json("list") == []


def test_show_prints_everything_about_a_dead_letter(redis_client: redis.Redis, streams: Streams) -> None:
    entry_id = refuse(redis_client, streams, "1-0", b'{"id": "[red]\x1b[31m"}')
    output = COMMAND.text("show", entry_id)
    for part in (entry_id, "l-2", "not_json", "RM: must be a number", "20 bytes", "[red]", r"\x1b"):
        assert part in output
    assert "\x1b" not in output
    assert COMMAND.json("show", entry_id)["data"]["delivery_count"] == 1


def test_show_marks_a_missing_payload(redis_client: redis.Redis, streams: Streams) -> None:
    assert "(gone)" in COMMAND.text("show", refuse(redis_client, streams, "1-0", None, "payload_gone"))


def test_replay_prints_the_entry_id_of_each_new_listing(redis_client: redis.Redis, streams: Streams) -> None:
    ids = [refuse(redis_client, streams, f"{number}-0") for number in (1, 2)]
    output = COMMAND.text("replay", *ids).splitlines()
    published = [entry_id.decode() for entry_id, _ in scan(redis_client, streams.listings)]
    assert output == [f"replayed {old} as listing {new}" for old, new in zip(ids, published, strict=True)]
    assert COMMAND.text("list") == "no dead letters\n"


def test_a_failed_replay_does_not_stop_the_others(
    redis_client: redis.Redis, streams: Streams, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = refuse(redis_client, streams, "1-0", None, "payload_gone")
    whole = refuse(redis_client, streams, "2-0")
    with pytest.raises(DeadLetterError, match="1 of 2 could not be replayed"):
        COMMAND.run("replay", gone, whole, "--json")
    assert redis_client.xlen(streams.listings) == 1
    assert redis_client.xlen(streams.dead_letters) == 1


def test_drop_asks_for_confirmation(redis_client: redis.Redis, streams: Streams) -> None:
    ids = [refuse(redis_client, streams, f"{number}-0") for number in (1, 2)]
    refused = COMMAND.run("drop", *ids, stdin="n\n")
    assert refused.exit_code == 1
    assert "Drop 2 dead letters for good?" in refused.output
    assert redis_client.xlen(streams.dead_letters) == 2
    assert COMMAND.run("drop", ids[0], stdin="y\n").exit_code == 0
    assert COMMAND.json("drop", ids[1], "--yes") == {"entry_id": ids[1], "dropped": True, "listing": None}
    assert redis_client.xlen(streams.dead_letters) == 0


def test_rate_limited_dead_letters_have_a_stream_of_their_own(redis_client: redis.Redis, streams: Streams) -> None:
    letters = [refuse(redis_client, streams, f"{number}-0", reason="rate_limited") for number in (1, 2)]
    redis_client.rename(streams.dead_letters, streams.rate_limited)
    assert COMMAND.text("list") == "no dead letters\n"
    for options in (["--rate-limited"], ["--reason", "rate_limited"]):
        assert [each["entry_id"] for each in COMMAND.json("list", *options)] == letters[::-1]
    assert "rate_limited" in COMMAND.text("show", letters[0], "--rate-limited")
    assert COMMAND.text("replay", letters[0], "--rate-limited").startswith(f"replayed {letters[0]} as listing ")
    assert COMMAND.text("drop", letters[1], "--rate-limited", "--yes") == f"dropped {letters[1]}\n"
    assert redis_client.xlen(streams.rate_limited) == 0


def test_an_unknown_dead_letter_is_an_error_that_names_it() -> None:
    with pytest.raises(DeadLetterError, match="no dead letter 1-0"):
        COMMAND.run("show", "1-0")


def test_list_counts_by_reason_with_the_newest_as_an_example(redis_client: redis.Redis, streams: Streams) -> None:
    reasons = ("poison", "not_json", "poison")
    ids = [refuse(redis_client, streams, f"{n}-0", reason=reason) for n, reason in enumerate(reasons, 1)]
    assert COMMAND.json("list", "--by-reason") == [
        {"reason": "poison", "count": 2, "newest": ids[2], "listing_id": "l-2", "error": "RM: must be a number"},
        {"reason": "not_json", "count": 1, "newest": ids[1], "listing_id": "l-2", "error": "RM: must be a number"},
    ]
    head, first, _ = COMMAND.text("list", "--by-reason").splitlines()
    assert head.split("  ")[0] == "REASON"
    assert first.split()[:3] == ["poison", "2", ids[2]]
    assert COMMAND.json("list", "--by-reason", "--reason", "not_json")[0]["count"] == 1
    assert COMMAND.json("list", "--by-reason", "--reason", "out_of_range") == []


def test_drop_by_reason_asks_with_their_number_and_records_who(redis_client: redis.Redis, streams: Streams) -> None:
    for number, reason in enumerate(("poison", "not_json", "poison"), 1):
        refuse(redis_client, streams, f"{number}-0", reason=reason)
    refused = COMMAND.run("drop", "--reason", "poison", stdin="n\n")
    assert (refused.exit_code, "Drop 2 dead letters for good?" in refused.output) == (1, True)
    assert COMMAND.text("drop", "--reason", "poison", "--yes").count("dropped ") == 2
    assert [each["data"]["reason"] for each in COMMAND.json("list")] == ["not_json"]
    resolutions = [
        Resolution.model_validate_json(payload_of(fields)) for _, fields in scan(redis_client, streams.resolutions)
    ]
    assert [(each.type, each.data.actor) for each in resolutions] == [("listing.dropped", current_actor())] * 2
    assert COMMAND.run("drop", "--reason", "poison", "1-0").exit_code == 2, "ids or filters"
    assert COMMAND.run("drop").exit_code == 2, "neither"


def test_exported_payloads_are_published_again_as_they_were(
    redis_client: redis.Redis, streams: Streams, tmp_path: Path
) -> None:
    events = [{"id": f"l-{n}", "source": "/é", "data": {"RM": 99}} for n in range(3)]
    for number, event in enumerate(events):
        refuse(redis_client, streams, f"{number}-1", json.dumps(event, indent=1).encode(), "out_of_range")
    whole = [each for each in COMMAND.json("list") if each["data"]["payload_bytes"] <= 100]
    refuse(redis_client, streams, "8-0", b'{"id": "l-9", "data": {"RM": NaN}}')
    refuse(redis_client, streams, "9-0", b'{"RM": 6}', "not_an_event")
    assert len(whole) == 3
    file = tmp_path / "refused.jsonl"
    assert COMMAND.json("export", str(file)) == {"exported": 3, "left_out": 2, "file": str(file)}
    assert [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] == events
    assert redis_client.xlen(streams.dead_letters) == 5, "they stay"
    assert runner_of(publish).json(str(file))["published"] == 3
    published = [json.loads(payload_of(fields)) for _, fields in scan(redis_client, streams.listings)]
    assert published == events
    with pytest.raises(DataError, match="exists already"):
        COMMAND.run("export", str(file))
    assert COMMAND.run("export", str(tmp_path / "refused.csv")).exit_code == 2
    chosen = tmp_path / "chosen.jsonl"
    assert COMMAND.json("export", str(chosen), "--reason", "not_an_event")["exported"] == 0


EDITED = {"id": "home-1", "source": "", "data": ROW}


def _editor(tmp_path: Path, program: str) -> str:
    script = tmp_path / "an editor.py"
    script.write_text(f"import json, pathlib, sys\npath = pathlib.Path(sys.argv[1])\n{program}\n")
    return f"{sys.executable} '{script}'"


def test_edit_replays_the_payload_as_it_was_saved(
    redis_client: redis.Redis, streams: Streams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry_id = refuse(redis_client, streams, "1-0", b'{"id": "home-1"', "not_json")
    shown = tmp_path / "shown"
    program = f"pathlib.Path({str(shown)!r}).write_bytes(path.read_bytes()); path.write_text({json.dumps(EDITED)!r})"
    monkeypatch.setenv("EDITOR", _editor(tmp_path, program))
    assert COMMAND.text("edit", entry_id).startswith(f"replayed {entry_id} as listing ")
    assert shown.read_bytes() == b'{"id": "home-1"', "what is not JSON is shown as it came"
    ((_, fields),) = scan(redis_client, streams.listings)
    assert json.loads(payload_of(fields)) == EDITED
    assert redis_client.xlen(streams.dead_letters) == 0


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("pass", "its payload was not changed"),
        ("path.write_text('{')", r"would be refused again: not_json.* \(the text is in (.*)\)"),
        ("sys.exit(3)", r"ended with exit code 3: nothing was replayed \(the text is in (.*)\)"),
    ],
)
def test_edit_leaves_the_dead_letter_if_there_is_nothing_valid_to_replay(
    redis_client: redis.Redis,
    streams: Streams,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    program: str,
    message: str,
) -> None:
    entry_id = refuse(redis_client, streams, "1-0", b'{"id": "home-1"}', "not_an_event")
    monkeypatch.setenv("VISUAL", _editor(tmp_path, program))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    failed = CliRunner().invoke(COMMAND.app, ["edit", entry_id])
    assert isinstance(failed.exception, DeadLetterError)
    found = re.search(message, " ".join(failed.stderr.split()))
    assert found
    assert [Path(name).exists() for name in found.groups()] == [True] * len(found.groups())
    assert (redis_client.xlen(streams.dead_letters), redis_client.xlen(streams.listings)) == (1, 0)


def test_edit_sets_columns_without_an_editor(redis_client: redis.Redis, streams: Streams) -> None:
    # the payload that a dead letter keeps here is short
    entry_id = refuse(redis_client, streams, "1-0", b'{"id": "l-1", "data": {}}', "missing_feature")
    assignments = [word for name, value in ROW.items() for word in ("--set", f"{name}={value}")]
    assert COMMAND.json("edit", entry_id, *assignments)["replayed"] is True
    ((_, fields),) = scan(redis_client, streams.listings)
    assert json.loads(payload_of(fields))["data"] == ROW


def test_an_editor_that_does_not_exist_is_an_error_that_names_it(
    redis_client: redis.Redis, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry_id = refuse(redis_client, streams, "1-0")
    monkeypatch.setenv("EDITOR", "no-such-editor --wait")
    with pytest.raises(ConfigurationError, match="cannot run the editor 'no-such-editor --wait'"):
        COMMAND.run("edit", entry_id)
