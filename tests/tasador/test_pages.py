"""A reader types every command and runs every program of the pages, in order, while one system runs."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documented_blocks import PAGES, ROOT, blocks_of, commands_of, programs
from tests.models import SmallModel, small_model
from tests.tasador.documented_commands import NOT_TYPED, STEPS, DocumentedCommand
from tests.tasador.reader import Reader, Typed
from tests.tasador.typed_here import type_here

__all__ = ["small_model"]

pytestmark = [pytest.mark.long]

PROGRAMS = {f"{block.page} {number}": block.text for number, block in enumerate(programs(), start=1)}
PARTS_OF_FILES = {"docs/adding-a-domain.md"}
"""Pages whose Python blocks show a line of a file."""
LANGUAGES = {"", "console", "sh", "python", "mermaid", "js", "go", "sql", "text", "json", "yaml"}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, small_model: SmallModel) -> Iterator[Reader]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("reader")
        patch.chdir(folder)
        own = Reader(folder, small_model)
        with own.running_system():
            yield own


def result_of(reader: Reader, page: str, step: DocumentedCommand, capfd: pytest.CaptureFixture[str]) -> Typed:
    command = step.typed or step.command
    if step.is_followed:
        return reader.follow(command, lambda output: re.search(step.promise, output))
    # the tour as a whole is typed into a terminal
    if page != "README.md" and command.startswith("tasador "):
        done = type_here(reader.folder, reader.environment, capfd, *shlex.split(command)[1:])
        return Typed(done.returncode, done.stdout + done.stderr)
    return reader.type(command)


def test_every_command_keeps_what_the_pages_promise(reader: Reader, capfd: pytest.CaptureFixture[str]) -> None:
    broken: list[str] = []
    for page, steps in STEPS.items():
        for step in steps:
            if "redis-cli" in step.command and not reader.has_redis_cli:
                continue
            done = result_of(reader, page, step, capfd)
            if done.exit_code != step.exit_code or not re.search(step.promise, done.output, re.MULTILINE):
                broken.append(f"{page}: {step.command}\nexit code {done.exit_code}\n{done.output}")
    assert not broken, "\n\n".join(broken)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_runs_twice(name: str, reader: Reader) -> None:
    text = PROGRAMS[name]
    for _ in range(2):
        done = reader.run_program(text)
        assert done.exit_code == 0, done.output
        assert done.output.strip()
        assert "Traceback" not in done.output


@pytest.mark.parametrize("page", PAGES)
def test_each_command_of_a_page_is_typed_or_has_a_reason(page: str) -> None:
    typed = [step.command for step in STEPS.get(page, ())]
    assert [command for command in commands_of(page) if command not in NOT_TYPED] == typed


def test_nothing_is_expected_that_no_page_shows_and_every_reason_names_what_exists() -> None:
    shown = {command for page in PAGES for command in commands_of(page)}
    assert NOT_TYPED.keys() <= shown
    assert STEPS.keys() <= set(PAGES)
    for reason in NOT_TYPED.values():
        for path, name in re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", reason):
            source = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"def {name}\b", source), reason


def test_every_block_has_a_known_language_and_python_is_a_program_or_part_of_a_file() -> None:
    blocks = [block for page in PAGES for block in blocks_of(page)]
    assert {block.language for block in blocks} <= LANGUAGES
    python = [block for block in blocks if block.language == "python"]
    assert len(python) > len(PROGRAMS) > 2
    for block in python:
        ast.parse(block.text)
        assert block.text in PROGRAMS.values() or block.page in PARTS_OF_FILES


def test_comments_and_prompts_are_not_typed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```console\n$ tasador drift   # a comment\n\ntasador mlflow\n```\n```js\nx\n```\n", encoding="utf-8"
    )
    assert commands_of(str(page)) == ["tasador drift", "tasador mlflow"]
