"""Values from streams as a terminal shows them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rich.table import Table

from monitoring.archive.folder import day_of
from tasador.cli.formatting import format_entry_time
from tasador.cli.terminal import stdout
from transport.entries import EntryId

LARGEST = f"{2**64 - 1}-0"


def test_an_entry_id_that_is_no_time_is_shown_itself() -> None:
    assert format_entry_time(LARGEST) == format_entry_time(LARGEST.encode()) == LARGEST
    year = datetime.fromtimestamp(4_000_000_000, UTC).year
    assert format_entry_time("4000000000000-0").startswith(str(year))


def test_the_audit_log_has_a_day_for_every_entry_id() -> None:
    assert day_of(EntryId.parse(LARGEST)) == "9999-12-31"


def test_names_with_brackets_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("NAME", title="[/red]")
    table.add_row("[bold] [0] [/x] :smile:")
    stdout.print(table)
    shown = capsys.readouterr().out
    assert "[bold] [0] [/x] :smile:" in shown
    assert "[/red]" in shown
