from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from tasador.cli.progress import TrainingProgressBar
from training.progress import ProgressStep


@pytest.mark.parametrize("is_terminal", [True, False])
def test_counted_steps_are_a_bar_on_a_terminal_and_lines_elsewhere(is_terminal: bool) -> None:
    written = StringIO()
    console = Console(file=written, force_terminal=is_terminal, width=200)
    with TrainingProgressBar("training", console) as bar:
        bar("506 rows")
        bar(ProgressStep("training", 1, 100, " %, comparing shapes of trees"))
        bar._bars.refresh()
        assert ("━" in written.getvalue()) == is_terminal
        bar(ProgressStep("training", 99, 100, " %, trying linear"))
    text = written.getvalue()
    assert "506 rows" in text
    assert "1 of 100 %, comparing shapes of trees" in text
    assert ("training: 99 of 100 %, trying linear" in text) != is_terminal
