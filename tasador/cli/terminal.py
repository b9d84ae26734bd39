"""The terminal: results go to standard output, progress and errors to standard error."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console

# data may contain `:abc:`, which rich would replace by an emoji
# names from data may hold brackets, which are no markup
stdout = Console(emoji=False, markup=False)
stderr = Console(stderr=True, emoji=False, markup=False)


def print_line(text: str) -> None:
    """Print text to standard output as it is: no markup, no colours, no wrapping."""
    stdout.out(text, highlight=False)


def print_note(text: str) -> None:
    """Print text to standard error as it is."""
    stderr.out(text, highlight=False)


def write_json(value: Any) -> None:
    """Print one JSON document on one line of standard output."""
    print_line(json.dumps(value, default=str))
