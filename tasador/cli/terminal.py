"""What commands write: results to standard output, progress and errors to standard error."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console

# what is printed is data, in which `:abc:` is no picture
out = Console(emoji=False)
err = Console(stderr=True, emoji=False)


def write_json(value: Any) -> None:
    """One JSON document on standard output, never wrapped or coloured."""
    out.out(json.dumps(value, default=str), highlight=False)
