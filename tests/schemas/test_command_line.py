"""A command in a message is one that can be typed: it names the domain where it would not be found."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest
import redis

from schemas.command_line import spell_command
from schemas.errors import ModelNotFoundError, NotConfirmedError, NothingReportedError
from schemas.streams import Streams
from tasador.cli.commands.drift import drift
from tasador.cli.commands.registry import app
from tasador.cli.commands.rollback import rollback
from tests.tasador.command import Runner, runner_of, use_redis

ROOT = Path(__file__).parents[2]
_OF_A_DOMAIN = (
    r"train|trainer|monitor|consumer|reload|rollback|retrain|registry|publish|tail|status|verify|dead-letters"
)
_SPELLED = re.compile(rf"(?<!Example: )`?tasador ({_OF_A_DOMAIN})\b")


def test_the_default_domain_is_left_out_only_where_none_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert spell_command("train", "housing") == "tasador train"
    assert spell_command("registry show 7", "obesity") == "tasador registry show 7 --domain obesity"
    monkeypatch.setenv("TASADOR_DOMAIN", "obesity")
    assert spell_command("train", "housing") == "tasador train --domain housing"


def test_hints_after_a_command_name_its_domain(
    redis_client: redis.Redis, redis_url: str, streams: Streams, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_redis(monkeypatch, redis_url, streams.prefix)
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path))
    with pytest.raises(NotConfirmedError, match="`tasador trainer --domain obesity`"):
        runner_of(rollback).run("--domain", "obesity", "--timeout", "0")
    with pytest.raises(NothingReportedError, match="`tasador monitor --domain obesity`"):
        runner_of(drift).run("--domain", "obesity")
    with pytest.raises(ModelNotFoundError, match="`tasador train --domain obesity`"):
        Runner(app).run("show", "1", "--domain", "obesity")
    assert "TASADOR_DOMAIN" not in os.environ, "the next command of this process has its own domain"


def _messages(path: Path) -> list[str]:
    """The texts of a module that are not documentation: those within functions and calls."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]


@pytest.mark.parametrize(
    "room", ["registry", "consumer", "training", "monitoring", "operations", "service", "producer"]
)
def test_no_message_of_a_room_spells_a_command_by_itself(room: str) -> None:
    texts = [(path.name, text) for path in (ROOT / room).rglob("*.py") for text in _messages(path)]
    assert [(name, text) for name, text in texts if _SPELLED.search(text) and "did not make it" not in text] == []
