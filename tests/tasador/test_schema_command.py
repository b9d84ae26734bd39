"""`tasador schema` describes what commands write with --json, and what they write is valid."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import redis
from typer.testing import CliRunner

from schemas.quality import Quality, QualityEvent, QualityReport
from schemas.streams import DATA_FIELD, Streams
from tasador.cli import app as cli
from tasador.cli.app import COMMANDS, load_command
from tasador.cli.json_outputs import OUTPUTS
from tests.models import SmallModel, own_model, small_model
from tests.operations.answers import activate, drop_repeat, predict, publish, refuse
from tests.tasador.command import use_redis
from tests.tasador.json_fields import FILE, fields_of

__all__ = ["own_model", "small_model"]

Written = Callable[..., str]


def _schema(command: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(CliRunner().invoke(cli.app, ["schema", *command.split()]).stdout)
    return document


def _commands_with_json() -> set[str]:
    found = set()
    for name in COMMANDS:
        command = load_command(name)
        parts = {f"{name} {inner}": each for inner, each in getattr(command, "commands", {}).items()} or {name: command}
        found |= {words for words, each in parts.items() if any("--json" in option.opts for option in each.params)}
    return found


def test_every_command_with_json_has_a_schema() -> None:
    assert set(OUTPUTS) == _commands_with_json()


@pytest.mark.parametrize("command", json.loads(FILE.read_text(encoding="utf-8")))
def test_no_field_has_gone(command: str) -> None:
    stored = set(json.loads(FILE.read_text(encoding="utf-8"))[command])
    assert stored <= fields_of(command), "scripts read it: keep it, or tell them in CHANGELOG.md and run `make pages`"


@pytest.mark.parametrize("command", OUTPUTS)
def test_every_schema_is_one(command: str) -> None:
    schema = _schema(command)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"properties", "items", "anyOf", "$ref", "type"} & set(schema)


def test_without_a_command_it_lists_them_and_an_unknown_one_is_a_usage_error() -> None:
    assert CliRunner().invoke(cli.app, ["schema"]).stdout.splitlines() == list(OUTPUTS)
    unknown = CliRunner().invoke(cli.app, ["schema", "up"])
    assert (unknown.exit_code, "`tasador schema` lists" in unknown.output) == (2, True)


@pytest.fixture
def written(
    monkeypatch: pytest.MonkeyPatch,
    redis_url: str,
    prefix: str,
    redis_client: redis.Redis,
    streams: Streams,
    own_model: SmallModel,
    tmp_path: Path,
) -> Written:
    """Runs commands with --json on streams that hold one of everything, and on a registry with a version."""
    use_redis(monkeypatch, redis_url, prefix)
    monkeypatch.setenv("TASADOR_DOMAIN", "housing")
    monkeypatch.setenv("TASADOR_HOME", str(own_model.settings.home))
    monkeypatch.chdir(tmp_path)
    registry = own_model.registry
    registry.client.log_metric(registry.resolve().run_id, "cv_rmse", 3.1)
    for number, entry_id in enumerate(publish(redis_client, streams, 3)):
        (predict, refuse, drop_repeat)[number](redis_client, streams, entry_id)
    activate(redis_client, streams)
    whole = Quality(part="all", predictions=9, labelled=9, mae=2.5)
    report = QualityReport(domain="housing", spans={"24h": (whole,), "7d": (), "30d": ()}, waiting=0, orphaned=0)
    redis_client.xadd(streams.drift, {DATA_FIELD: QualityEvent(source="a test", data=report).model_dump_json()})
    table = "\n".join(f"{n % 7},{n % 5}" for n in range(400))
    (tmp_path / "homes.csv").write_text(f"RM,LSTAT\n{table}\n")
    return lambda *words: CliRunner().invoke(cli.app, [*words, "--json"]).stdout


@pytest.mark.parametrize(
    "words",
    [
        ("check",),
        ("dead-letters list",),
        ("dead-letters list", "--by-reason"),
        ("dead-letters export", "refused.jsonl"),
        ("drift", "--reference", "homes.csv", "--current", "homes.csv"),
        ("publish", "--sample", "2"),
        ("quality",),
        ("registry best",),
        ("registry compare", "1", "1"),
        ("registry list",),
        ("registry show",),
        ("registry versions",),
        ("settings",),
        ("status",),
        ("tail", "dead-letters", "--no-follow"),
        ("tail", "predictions", "--no-follow"),
        ("tail", "repeats", "--no-follow"),
        ("verify",),
    ],
    ids=" ".join,
)
def test_what_a_command_writes_is_valid_and_all_of_it_is_described(written: Written, words: tuple[str, ...]) -> None:
    command, *options = words
    schema = _schema(command)
    text = written(*command.split(), *options)
    assert text
    for line in text.splitlines():
        document = json.loads(line)
        jsonschema.validate(document, schema)
        for each in document if isinstance(document, list) else [document]:
            assert set(each) <= fields_of(command)


def test_results_of_dead_letters_are_valid(written: Written) -> None:
    (letter,) = json.loads(written("dead-letters", "list"))
    for words in (("replay", letter["entry_id"], "--dry-run"), ("show", letter["entry_id"]),
                  ("drop", letter["entry_id"], "--yes"), ("drop", letter["entry_id"], "--yes")):  # fmt: skip
        jsonschema.validate(json.loads(written("dead-letters", *words)), _schema(f"dead-letters {words[0]}"))
