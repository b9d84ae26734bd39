"""The documents name what exists: tests, files, headings, functions, classes and scripts."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "data/README.md"])
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")

_TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
_PATH = re.compile(r"`((?:[a-z_]+|\.github|\.ci)/[\w./-]+\.(?:py|lua|sh|ya?ml|toml|json|md|acl|lock|ipynb|mjs))`")
_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
# [`Committer.commit`](../consumer/committer.py): the text is a name that the file defines, or the file's own name
_NAMED = re.compile(r"\[`([\w./-]+)`\]\((?!https?:)([^)#\s]+)\)")


@cache
def _names_in(path: Path) -> frozenset[str]:
    """What a Python file defines: functions, classes, methods (`Class.method`), constants; of other files all words."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return frozenset(re.findall(r"[\w-]+", text))
    names: set[str] = set()
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names.add(node.name)
            case ast.ClassDef():
                members = [getattr(member, "name", "") or _assigned(member) for member in node.body]
                names |= {node.name, *(f"{node.name}.{member}" for member in members)}
            case _:
                names.add(_assigned(node))
    return frozenset(names)


def _assigned(node: ast.stmt) -> str:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return targets[0].id if targets and isinstance(targets[0], ast.Name) else ""


def _is_defined(name: str, path: Path) -> bool:
    return path.is_file() and (name in {path.name, str(path.relative_to(ROOT))} or name in _names_in(path))


@cache
def _anchors_in(page: Path) -> frozenset[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in _anchors_in(target))


def _code_and_tests(text: str) -> tuple[list[Path], list[Path]]:
    """The files of a page in `docs` whose definitions a text links to: the product's, and the tests'."""
    files = [(ROOT / "docs" / target).resolve().relative_to(ROOT) for _, target in _NAMED.findall(text)]
    files = [file for file in files if file.suffix in {".py", ".lua"}]
    return [f for f in files if f.parts[0] != "tests"], [f for f in files if f.parts[0] == "tests"]


def _section(page: str, heading: str) -> str:
    return re.split(r"^## ", page.partition(f"## {heading}\n")[2], flags=re.MULTILINE)[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_and_links_to_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [f"{path}::{name}" for path, name in _TEST.findall(text) if not _is_defined(name, ROOT / path)] == []
    assert [path for path in _PATH.findall(text) if not (ROOT / path).exists()] == []
    assert [link for link in _LINK.findall(text) if not _leads_somewhere(page, link)] == []
    named = [(name, (page.parent / target).resolve()) for name, target in _NAMED.findall(text)]
    assert [(name, path.name) for name, path in named if not path.is_dir() and not _is_defined(name, path)] == []


def test_a_name_that_a_file_does_not_define_is_noticed() -> None:
    assert _is_defined("Committer.commit", ROOT / "consumer/committer.py")
    assert not _is_defined("Committer.comit", ROOT / "consumer/committer.py")
    assert not _is_defined("Committer", ROOT / "consumer/commiter.py")
    assert _is_defined("XACK", ROOT / "consumer/commit.lua")


def test_every_promise_links_to_its_code_and_its_test() -> None:
    text = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
    sections = re.split(r"^##+ ", text, flags=re.MULTILINE)[1:]
    headings_alone = {section.strip() for section in sections if "\n" not in section.strip()}
    assert headings_alone == {"Consumers", "The commit", "Redis", "Shards", "Models", "Commands"}
    silent = {section.splitlines()[0] for section in sections if not all(_code_and_tests(section))}
    assert silent == {*headings_alone, "Figures of the rounds"}


@pytest.mark.parametrize(
    ("heading", "outside", "modules", "scripts"),
    [("From a listing to its prediction", "", 15, 1), ("From a reload to the swap", "registry", 8, 1)],
)
def test_the_two_ways_are_as_short_as_they_claim(heading: str, outside: str, modules: int, scripts: int) -> None:
    steps = re.findall(r"^\d+\. .+(?:\n   .+)*", _section(ARCHITECTURE, heading), flags=re.MULTILINE)
    linked = [set(_code_and_tests(step)[0]) for step in steps]
    assert all(linked), "each step links to its code"
    own = {file for files in linked for file in files if file.parts[0] != outside}
    assert len([file for file in own if file.suffix == ".py"]) <= modules
    assert len([file for file in own if file.suffix == ".lua"]) == scripts
    assert len(steps) <= modules + scripts + bool(outside)


def test_the_picture_of_the_house_has_the_rooms_and_their_order() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    assert " <- ".join(reversed(layers)) in ARCHITECTURE
    rooms = set(project["tool"]["importlinter"]["root_packages"])
    assert rooms <= set(re.findall(r"\w+", ARCHITECTURE.partition("```mermaid")[2].partition("```")[0]))


def test_every_term_has_one_sentence_and_the_code_that_owns_it() -> None:
    rows = re.findall(r"^\| \*\*.+$", _section(ARCHITECTURE, "Vocabulary"), flags=re.MULTILINE)
    assert len(rows) > 40
    assert [row for row in rows if not _code_and_tests(row)[0] or row.count(". ")] == []


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    assert sorted(_LINK.findall(index)) == sorted(page.name for page in (ROOT / "docs/adr").glob("0*.md"))
