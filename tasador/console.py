"""What commands write: results to standard output, progress and errors to standard error."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console

out = Console()
err = Console(stderr=True)


def write_json(value: Any) -> None:
    """One JSON document on standard output, never wrapped or coloured."""
    out.out(json.dumps(value, default=str), highlight=False)
