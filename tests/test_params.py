"""params.yaml lists every setting, and the product reads each of them."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from schemas.sections import DomainSettings, TableSettings
from schemas.settings import Settings, load_settings

ROOT = Path(__file__).parent.parent
PACKAGES = (
    *("console", "consumer", "explainer", "gateway", "history", "monitoring", "operations", "producer", "registry"),
    *("schemas", "service", "tables", "tasador", "training", "transport"),
)
ADDRESSES = ("home", "redis_url", "mlflow_uri", "prefix", "host")


def _flat(values: dict[str, Any], owner: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{owner}{key}.")
        else:
            yield f"{owner}{key}", value


SECTIONS = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}
HOLDERS: dict[str, type[BaseModel]] = {
    "settings": Settings,
    "domain": DomainSettings,
    "table": TableSettings,
    **SECTIONS,
}
KEYS = [(holder, key) for holder, contract in HOLDERS.items() for key in contract.model_fields]


def _named(node: ast.expr | None) -> str:
    return str(getattr(node, "attr", None) or getattr(node, "id", ""))


def _holders_by_name(tree: ast.Module) -> dict[str, set[str]]:
    """Names of sections in a module: parameters of their type, and variables that they are assigned to."""
    by_type = {contract.__name__: holder for holder, contract in HOLDERS.items()}
    names: dict[str, set[str]] = {holder: {holder} for holder in HOLDERS}
    names["self"] = {
        by_type[node.name] for node in tree.body if isinstance(node, ast.ClassDef) and node.name in by_type
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and (holder := by_type.get(_named(node.annotation))):
            names.setdefault(node.arg, set()).add(holder)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value.func if isinstance(node.value, ast.Call) else node.value
            owner = value.value if isinstance(value, ast.Attribute) and value.attr == "get" else value
            holder = "domain" if _named(owner) == "domains" else _named(owner)
            if holder in HOLDERS:
                names.setdefault(node.targets[0].id, set()).add(holder)
    return names


@functools.cache
def _reads() -> frozenset[tuple[str, str]]:
    """Every setting that a module of the product reads, with its section."""
    reads: set[tuple[str, str]] = set()
    for path in (file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = _holders_by_name(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                holders = names.get(_named(node.value).strip("_"), set())
                reads |= {(holder, node.attr) for holder in holders}
    return frozenset(reads)


def test_params_list_every_setting_in_order_with_its_default() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    defaults = Settings().model_dump(mode="json", exclude=set(ADDRESSES))
    assert list(_flat(params)) == list(_flat(defaults))


def test_params_load_as_the_defaults() -> None:
    assert load_settings(ROOT / "params.yaml") == Settings()


@pytest.mark.parametrize(("holder", "key"), KEYS)
def test_something_reads_the_setting(holder: str, key: str) -> None:
    assert (holder, key) in _reads()


def test_each_setting_has_its_comment() -> None:
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    bare = [line for line in lines if ":" in line and "#" not in line and line.strip() not in {"domains:", "housing:"}]
    assert not bare
