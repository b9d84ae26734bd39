"""Every command that a file names exists, with its subcommand and options."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.named_commands import Words, find_unknown_word, in_code, in_compose, in_text
from tests.test_params import PACKAGES

ROOT = Path(__file__).parent.parent
# tests name wrong commands on purpose, recipes have titles that look like commands, a changelog names old commands
LEFT_OUT = ("tests/", "benchmarks/recipes.py", "CHANGELOG.md", "requirements.lock", "deploy/requirements.lock")
FOLDERS = (".github", "benchmarks", "deploy", "docs", "examples", *PACKAGES)


def _files() -> list[Path]:
    folders = [path for name in FOLDERS for path in (ROOT / name).rglob("*")]
    top_level = [path for path in ROOT.iterdir() if not path.name.startswith(".")]
    files = [path for path in (*folders, *top_level, ROOT / ".ci" / "run") if path.is_file()]
    return [path for path in files if not str(path.relative_to(ROOT)).startswith(LEFT_OUT)]


def _named(path: Path) -> Iterable[Words]:
    if path.suffix == ".py":
        return in_code(path)
    if path.suffix in {".md", ".yml", ".yaml", ".sh", ".ipynb"} or path.name in {"Makefile", "run"}:
        return in_text(path.read_text(encoding="utf-8"))
    return ()


def test_every_command_that_a_file_names_exists() -> None:
    named = [(path.relative_to(ROOT), words) for path in _files() for words in _named(path)]
    named += [(Path("docker-compose.yml"), words) for words in in_compose(ROOT / "docker-compose.yml")]
    assert len(named) > 300, "the files were read"
    files = {"Makefile", "README.md", "champions.py", "docker-compose.yml", "runbook.md"}
    assert files <= {path.name for path, _ in named}
    assert [(str(path), wrong) for path, words in named if (wrong := find_unknown_word(words))] == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("run `tasador train --quick`", ""),
        ("tasador registry show 7 --json", ""),
        ("\t@$(BIN)/tasador up", ""),
        ("tasador --domain obesity train --data FILE", ""),
        ("docker-compose run --rm operator model || true", "model"),
        ("as in `tasador registry shew 7`", "registry shew"),
        ("$ tasador train --fast", "train --fast"),
        ("Tasador scores a stream", ""),
    ],
)
def test_a_command_that_does_not_exist_is_found(text: str, wrong: str) -> None:
    assert next(filter(None, map(find_unknown_word, in_text(text))), "") == wrong


def test_commands_that_code_starts_are_found(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text(
        'tasador_command("model", "--json")\nprint(f"no {x}: tasador trian")\n[python, "-m", "tasador", "upp"]\n'
    )
    assert set(map(find_unknown_word, in_code(file))) >= {"model", "trian", "upp"}
