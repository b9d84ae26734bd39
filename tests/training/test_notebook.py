"""The example in docs/training.md runs, and the package exports its public names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import training

PAGE = Path(__file__).parents[2] / "docs" / "training.md"


def test_the_example_of_the_page_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TASADOR_SWAP__MAX_US_PER_ROW", "1000")
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    exec(compile(example, str(PAGE), "exec"), {})  # noqa: S102 - our own page
    output = capsys.readouterr().out
    assert "506 of 506 rows" in output
    assert re.search(r"^(linear|extra-trees): [34]\.\d\d ± 0\.\d\d$", output, re.MULTILINE)
    assert not (tmp_path / ".tasador" / "mlflow.db").exists()


@pytest.mark.parametrize("name", training.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(training, name) is not None
