"""Finds the commands and the Python programs that the pages show in fenced blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")))
"""The pages in which a reader types something, the README first."""
SHELL = ("", "console", "sh")
"""Languages of blocks with commands; a block without a language has commands too."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"\s+# .*$")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: its path in the repository.
        language: as the fence names it.
        text: what is between the fences.
    """

    page: str
    language: str
    text: str


def blocks_of(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        yield Block(page, match[1], match[2])


def commands_of(page: str) -> list[str]:
    """The commands of a page in order, without prompts and comments."""
    blocks = [block for block in blocks_of(page) if block.language in SHELL]
    lines = [line for block in blocks for line in block.text.splitlines() if line.strip()]
    return [_COMMENT.sub("", line).removeprefix("$ ").strip() for line in lines]


def programs() -> list[Block]:
    """The Python programs of all pages: blocks that import what they use. Other Python blocks are parts of a file."""
    blocks = [block for page in PAGES for block in blocks_of(page)]
    return [block for block in blocks if block.language == "python" and re.match(r"import |from ", block.text)]
