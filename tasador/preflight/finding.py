"""A finding: one thing that was looked at, how it is, and the way out where it is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]
Area = Literal["configuration", "server", "registry"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        area: where.
        level: `error` is what keeps a part from working, `warning` what breaks a promise one day.
        what: how it is.
        way_out: what to do; empty where nothing has to be done.
    """

    area: Area
    level: Level
    what: str
    way_out: str = ""
