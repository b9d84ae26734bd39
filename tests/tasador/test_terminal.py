"""Tables in a terminal: stored examples at 80 and 120 columns, and what holds for all of them."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from tasador.cli.terminal_table import TableColumn, TerminalTable
from tasador.cli.views.running_system import map_of
from tasador.machine.running_system import RunningSystem
from tests.tasador.terminal_examples import EXAMPLES, FOLDER, WIDTHS, file_of, rendered

_COLUMNS = (TableColumn("NAME"), TableColumn("ROWS", is_number=True), TableColumn("WHY", is_prose=True))


def _shown(rows: list[tuple[str, ...]], width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(TerminalTable(_COLUMNS, rows, legend=["! alarm"]))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_output_is_the_stored_one(name: str, width: int) -> None:
    stored = file_of(name, width).read_text(encoding="utf-8")
    assert rendered(name, width) == stored, "if it is meant, run: make pages"


def test_no_stored_example_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {
        file_of(name, width).name for name in EXAMPLES for width in WIDTHS
    }


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_no_line_is_too_long_and_no_word_is_broken(name: str, width: int) -> None:
    lines = rendered(name, width).splitlines()
    assert max(map(len, lines)) <= width
    wide = rendered(name, 1000)
    # a name may be wrapped after one of these signs
    word = re.compile(r"[^\s_/-]+")
    assert set(word.findall(wide)) <= set(word.findall("\n".join(lines)))


def test_numbers_are_aligned_to_the_right() -> None:
    assert _shown([("a", "7", ""), ("b", "12,345", "late")], 80) == [
        "NAME    ROWS  WHY",
        "a          7",
        "b     12,345  late",
        "! alarm",
    ]


def test_prose_is_wrapped_between_words_and_nothing_else_is() -> None:
    assert _shown([("a-name-in-one-piece", "1", "too few rows to say more")], 40) == [
        "NAME                 ROWS  WHY",
        "a-name-in-one-piece     1  too few rows",
        "                           to say more",
        "! alarm",
    ]


def test_a_table_that_does_not_fit_is_shown_as_records() -> None:
    assert _shown([("a-name-in-one-piece", "1", "why"), ("b", "2", "not")], 25) == [
        "NAME  a-name-in-one-piece", "ROWS  1", "WHY   why", "", "NAME  b", "ROWS  2", "WHY   not", "! alarm"
    ]  # fmt: skip


def test_characters_that_move_the_cursor_are_escaped() -> None:
    assert _shown([("\x1b[2Ja", "1", "[red]")], 80)[1] == r"\x1b[2Ja     1  [red]"


def test_where_the_processes_are_takes_one_line_each_or_two_in_a_narrow_terminal(tmp_path: Path) -> None:
    log = tmp_path / "logs/housing/trainer.log"
    log.parent.mkdir(parents=True)
    log.touch()
    url = "http://127.0.0.1:37611"
    system = RunningSystem(redis_url="redis://:secret@h:1/0", mlflow_uri="sqlite:///m", parts={"housing/trainer": url})
    assert map_of(system, tmp_path, 1000).splitlines() == [
        "redis            redis://:***@h:1/0",
        "mlflow           sqlite:///m",
        f"housing/trainer  {url}/readyz  log {log}",
    ]
    assert map_of(system, tmp_path, 60).splitlines()[2:] == [
        f"housing/trainer  {url}/readyz",
        f"                 log {log}",
    ]
