"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]
Area = Literal["configuration", "server", "registry"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        area: what was checked.
        level: `error` keeps a process from working; `warning` may break a guarantee later.
        what: the result.
        way_out: what the operator can do; empty if nothing is wrong.
    """

    area: Area
    level: Level
    what: str
    way_out: str = ""
