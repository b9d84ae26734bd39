"""The example notebook runs, from a table to predictions, explanations and drift."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CELLS = json.loads((ROOT / "examples" / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]


def run(cells: list[str]) -> tuple[dict[str, Any], list[Any]]:
    """Run the cells one after the other; returns their variables, and the value of each cell's last expression."""
    variables: dict[str, Any] = {"__name__": "__main__"}
    values = []
    for number, cell in enumerate(cells):
        *statements, last = ast.parse(cell).body
        exec(compile(ast.Module(statements, []), f"cell {number}", "exec"), variables)  # noqa: S102 - our own notebook
        if isinstance(last, ast.Expr):
            values.append(eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), variables))  # noqa: S307
        else:
            exec(compile(ast.Module([last], []), f"cell {number}", "exec"), variables)  # noqa: S102
            values.append(None)
    return variables, values


def test_the_notebook_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TASADOR_SWAP__MAX_US_PER_ROW", "1000")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        variables, values = run(CODE)
    finally:
        # other tests have a package of this name too
        for name in [name for name in sys.modules if name.partition(".")[0] == "domains"]:
            del sys.modules[name]
    assert variables["result"].is_champion
    predictions = variables["predictions"]
    assert predictions["prediction"].isna().tolist() == [False, True, False, False, False]
    assert "heating" in predictions["error"][1]
    assert (predictions["interval_low"] < predictions["interval_high"]).tolist() == [True, False, True, True, True]
    explanations, importance = variables["explanations"], variables["importance"]
    total = explanations["base"] + explanations[list(importance.index)].sum(axis=1)
    assert total.tolist() == pytest.approx(explanations["value"].tolist(), rel=1e-4)
    assert importance.index[0] == "area"
    assert variables["report"].drifted == ("area",)
    assert "<svg" in (tmp_path / "drift.html").read_text(encoding="utf-8")
    assert "champion: True" in capsys.readouterr().out
    assert len(values) == len(CODE)


def test_the_notebook_is_stored_without_output() -> None:
    assert [cell for cell in CELLS if cell.get("outputs") or cell.get("execution_count")] == []
    assert all(cell["id"] for cell in CELLS)
