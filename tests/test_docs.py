"""The documentation names what exists: tests, commands, files."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tasador.cli.app import COMMANDS

ROOT = Path(__file__).parent.parent
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if page.exists()]

_TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
# as one types it: at the beginning of a line, of a code span, or after a prompt
_COMMAND = re.compile(r"(?:^|`|\$ )(?:\.venv/bin/)?tasador ([a-z][a-z-]*)", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


@cache
def _tests_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _exists(path: str, name: str) -> bool:
    return (ROOT / path).is_file() and name in _tests_in(ROOT / path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_command_and_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not [f"{path}::{name}" for path, name in _TEST.findall(text) if not _exists(path, name)]
    assert set(_COMMAND.findall(text)) <= set(COMMANDS)
    assert not [link for link in _LINK.findall(text) if not (page.parent / link).exists()]


def test_every_part_of_the_guarantees_names_a_test() -> None:
    _, *parts = re.split(r"^##+ ", (ROOT / "docs/guarantees.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    headings_alone = {"Consumers", "The commit", "Redis", "Models", "Commands"}
    silent = {part.splitlines()[0] for part in parts if not _TEST.search(part)}
    assert silent == {*headings_alone, "Clients choose entry ids"}


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    assert sorted(_LINK.findall(index)) == sorted(page.name for page in (ROOT / "docs/adr").glob("0*.md"))
