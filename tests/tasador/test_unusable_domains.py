"""A domain that cannot be read, or whose events cannot pass the limits, ends every command in one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from schemas.errors import ConfigurationError
from tasador.cli.commands import data, domain
from tasador.cli.commands.check import check
from tasador.cli.commands.publish import publish
from tasador.cli.commands.train import train
from tasador.cli.commands.up import up
from tests.tasador.command import Runner, runner_of, use_redis

COMMANDS = {
    "train": (runner_of(train), ("--data", "table.csv")),
    "train --unless-champion": (runner_of(train), ("--unless-champion",)),
    "data check": (Runner(data.app), ("check", "table.csv")),
    "data report": (Runner(data.app), ("report", "table.csv")),
    "up": (runner_of(up), ()),
    "publish": (runner_of(publish), ("table.csv",)),
}
HEAD = "from typing import ClassVar\nfrom schemas.features import Features, Number, Target, feature\n"
CLASS = (
    f"{HEAD}class Table(Features):\n"
    '    name: ClassVar[str] = "table"\n'
    '    target: ClassVar[Target] = Target("y")\n'
    '    a: Number = feature(ge=0, le=1, unit="", description="a")\n'
)
DOMAIN, PATH = "domain 'table': ", "'mine.table:Table'"
CANNOT_LOAD = f"{DOMAIN}cannot load {PATH}: "
UNREADABLE = {
    "no module": (None, f"{CANNOT_LOAD}No module named 'mine.table'"),
    "no syntax": ("class Table(:\n", f"{CANNOT_LOAD}invalid syntax (table.py, line 1)"),
    "a name": (f"{HEAD}x = unknown\n", f"{CANNOT_LOAD}name 'unknown' is not defined (HERE, line 3)"),
    "a package": ("import no_such_package\n", f"{CANNOT_LOAD}No module named 'no_such_package'"),
    "any error": ("\n{}['key']\n", f"{CANNOT_LOAD}KeyError: 'key' (HERE, line 2)"),
    "two lines": ("raise ValueError('one\\ntwo')\n", f"{CANNOT_LOAD}ValueError: one two (HERE, line 1)"),
    "an exit": ("raise SystemExit(0)\n", f"{CANNOT_LOAD}SystemExit: 0 (HERE, line 1)"),
    "a wrong type": (
        f"{HEAD}class T(Features):\n    a: object()\n",
        f"{CANNOT_LOAD}PydanticSchemaGenerationError: ",
    ),
    "a wrong target": (CLASS.replace('Target("y")', '"y"'), f"{CANNOT_LOAD}'str' object has no attribute 'name'"),
    "no class": (
        "Table = 1\n",
        f"{DOMAIN}{PATH} is not a class derived from schemas.features.Features",
    ),
    "another name": (
        CLASS.replace('"table"', '"other"'),
        f"{DOMAIN}{PATH} declares the name 'other'",
    ),
}


@pytest.fixture(autouse=True)
def _in_empty_folder(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str, tmp_path: Path) -> None:
    """Work in a folder with a table and params.yaml, from which Python imports."""
    use_redis(monkeypatch, redis_url, prefix)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in ("mine", "mine.table", "domains", "domains.survey"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    Path("params.yaml").write_text("domain: table\ndomains: {table: {path: 'mine.table:Table'}}\n")
    pd.DataFrame({"a": [0.5, 0.25], "y": [1.5, 2.5]}).to_csv("table.csv", index=False)
    Path("mine").mkdir()


def _files() -> list[Path]:
    return sorted(path for path in Path().rglob("*") if path.is_file())


def _error(name: str) -> str:
    """The error of a command, which leaves everything as it was."""
    runner, arguments = COMMANDS[name]
    before = _files()
    with pytest.raises(ConfigurationError) as caught:
        runner.run(*arguments)
    assert _files() == before
    assert not Path(".tasador").exists()
    message = str(caught.value)
    assert "\n" not in message
    return message


def _errors_of_check() -> list[str]:
    result = runner_of(check).run("--json")
    assert result.exit_code == 1
    return [finding["what"] for finding in json.loads(result.stdout) if finding["level"] == "error"]


@pytest.mark.parametrize("fault", UNREADABLE)
def test_a_class_that_cannot_be_read_ends_every_command_in_one_line(tmp_path: Path, fault: str) -> None:
    source, message = UNREADABLE[fault]
    if source is not None:
        Path("mine/table.py").write_text(source)
    expected = message.replace("HERE", str(tmp_path / "mine" / "table.py"))
    for name in COMMANDS:
        sys.modules.pop("mine.table", None)
        assert _error(name).startswith(expected), name
    (error,) = _errors_of_check()
    assert error.startswith(expected)


WIDE = "limits.max_values is 256; an event of survey has 312: set limits.max_values to at least 312 in params.yaml"
LONG = "How satisfied are you with our service? " * 6 + "How satisfied are you with our service??"
LONG_KEY = (
    f"limits.max_key_bytes is 256; the column {LONG[:40] + '…'!r} of survey has 280 bytes: "
    "set limits.max_key_bytes to at least 280 in params.yaml"
)
LARGE = "limits.max_payload_bytes is 30; the smallest event of survey has 31 bytes: "
TABLES = {
    "many columns": ([f"q{n}" for n in range(300)], "{}", WIDE),
    "a long column": (["age", LONG], "{}", LONG_KEY),
    "large events": (["a", "b"], "{max_payload_bytes: 30}", LARGE),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_domain_beyond_the_limits_is_refused_before_anything_is_done(kind: str) -> None:
    columns, limits, message = TABLES[kind]
    numbers = [n + 0.5 for n in range(20)]
    pd.DataFrame(dict.fromkeys([*columns, "y"], numbers)).to_csv("survey.csv", index=False)
    arguments = ("new", "survey.csv", "--target", "y", "--write-params")
    Path("params.yaml").write_text(f"limits: {limits}\n")
    before = _files()
    with pytest.raises(ConfigurationError) as caught:
        Runner(domain.app).run(*arguments)
    assert str(caught.value).startswith(message)
    assert _files() == before
    assert not Path("domains").exists()
    assert Path("params.yaml").read_text() == f"limits: {limits}\n"

    Path("params.yaml").write_text("limits: {max_values: 312, max_key_bytes: 280}\n")
    Runner(domain.app).text(*arguments)
    Path("params.yaml").write_text(
        f"domain: survey\nlimits: {limits}\ndomains: {{survey: {{path: 'domains.survey:Survey'}}}}\n"
    )
    for name in COMMANDS:
        assert _error(name).startswith(message), name
    assert [error.startswith(message) for error in _errors_of_check()] == [True]
