from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from tasador.cli import progress
from training.progress import Step


@pytest.mark.parametrize("is_terminal", [True, False])
def test_what_is_counted_is_a_bar_on_a_terminal_and_a_line_elsewhere(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    written = StringIO()
    monkeypatch.setattr(progress, "err", Console(file=written, force_terminal=is_terminal, width=200))
    with progress.Steps("training") as told:
        told("506 rows")
        told(Step("searching ridge", 1, 25, ", best 4.9"))
        told._bars.refresh()
        assert ("━" in written.getvalue()) == is_terminal
        told(Step("searching ridge", 25, 25, ", best 4.8"))
    text = written.getvalue()
    assert "506 rows" in text
    assert "1 of 25, best 4.9" in text
    assert ("searching ridge: 25 of 25, best 4.8" in text) != is_terminal
