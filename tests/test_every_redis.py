"""The README's table of servers is the result of `make test-redis`."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent


def _script() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("every_redis", str(ROOT / ".ci" / "every-redis"))
    spec = importlib.util.spec_from_loader("every_redis", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_table_in_the_readme_is_up_to_date() -> None:
    document = json.loads((ROOT / "docs" / "servers.json").read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert _script().with_table(readme, document) == readme
    assert [one["server"] for one in document["servers"]] == ["Redis 6.2", "Redis 7.0", "Redis 8.0", "Valkey 8.1"]
    assert not any(one["failed"] for one in document["servers"])


def test_every_file_that_runs_on_every_server_exists() -> None:
    assert all((ROOT / file).exists() for file in _script().FILES)
