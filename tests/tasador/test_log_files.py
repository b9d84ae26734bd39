"""The last lines of a log, and what is appended to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasador.machine.log_files import read_from, tail_position


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    path.write_bytes(b"".join(b"line %d \xc3\xa9\n" % number for number in range(20_000)))
    return path


@pytest.mark.parametrize("count", [0, 1, 3, 15_000, 20_000, 30_000])
def test_the_last_lines_begin_where_they_begin(log: Path, count: int) -> None:
    lines, end = read_from(log, tail_position(log, count))
    assert lines == [f"line {number} é" for number in range(max(0, 20_000 - count), 20_000)]
    assert end == log.stat().st_size


def test_a_line_that_is_not_complete_is_read_later_or_at_the_end(log: Path) -> None:
    end = log.stat().st_size
    with log.open("ab") as file:
        file.write(b"half")
    assert read_from(log, end) == ([], end)
    assert read_from(log, end, is_ended=True)[0] == ["half"]
    with log.open("ab") as file:
        file.write(b" a line\n")
    assert read_from(log, end)[0] == ["half a line"]


def test_a_log_that_became_shorter_is_read_from_its_start(log: Path) -> None:
    end = log.stat().st_size
    log.write_bytes(b"new\n")
    assert read_from(log, end) == (["new"], 4)
