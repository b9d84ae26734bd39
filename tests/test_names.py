"""A public class or type alias shares its name with no other, and the product's modules are short."""

from __future__ import annotations

import ast
import statistics
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PRODUCT = [room for room in PYPROJECT["tool"]["importlinter"]["root_packages"] if room != "benchmarks"]

MAX_LINES = 250
MAX_MEDIAN_LINES = 120

SHARED: dict[str, str] = {}
"""Names that two definitions may share, each with the reason."""


def _modules(*packages: str) -> list[Path]:
    return [path for package in packages for path in (ROOT / package).rglob("*.py")]


def _public_types_in(text: str) -> list[str]:
    """The public classes and type aliases that a module defines at its top; type variables are none."""
    names = []
    for node in ast.parse(text).body:
        match node:
            case ast.ClassDef(name=name):
                names.append(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() | ast.BinOp()) if not name.isupper():
                names.append(name)
    return [name for name in names if name[0].isupper()]


def test_no_two_public_types_share_a_name() -> None:
    modules = defaultdict(list)
    for path in _modules(*PRODUCT, "benchmarks", "tests"):
        for name in _public_types_in(path.read_text(encoding="utf-8")):
            modules[name].append(str(path.relative_to(ROOT)))
    assert len(modules) > 200
    assert {name: paths for name, paths in modules.items() if len(paths) > 1 and name not in SHARED} == {}
    assert [name for name in SHARED if len(modules[name]) < 2] == []


def test_classes_and_aliases_are_types_but_constants_and_type_variables_are_not() -> None:
    text = "class A: ...\nclass _B: ...\nCells = dict[str, int]\nDeep = int | None\nT = TypeVar('T')\nMAX = 2 * 3\n"
    assert _public_types_in(text) == ["A", "Cells", "Deep"]


def test_modules_of_the_product_are_short() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in _modules(*PRODUCT)}
    assert {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > MAX_LINES} == {}
    assert statistics.median(lines.values()) <= MAX_MEDIAN_LINES
