"""Reports that params.yaml has changed since the process started, which it does not apply (docs/adr/0027)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from schemas.errors import ConfigurationError
from schemas.settings import Settings, find_params, load_settings
from service.health import Health

logger = logging.getLogger(__name__)

WATCH_S = 5.0
"""How often the file is looked at."""
_MOST_KEYS = 5


class SettingsWatch:
    """Compares the settings that the file holds with those that it held at the start.

    Args:
        health: gets a warning while they differ.
        domain: of the process.
    """

    def __init__(self, health: Health, domain: str) -> None:
        self._health = health
        self._domain = domain
        self._modified = _modified_at()
        self._started = self._load()
        self._reported = ""

    async def check(self) -> None:
        """Look at the file once, and read it if it was written since."""
        modified = await asyncio.to_thread(_modified_at)
        if modified == self._modified:
            return
        self._modified = modified
        now = await asyncio.to_thread(self._load)
        self._report(self._compare(now))

    def _load(self) -> Settings | str:
        """The settings, or why there are none."""
        try:
            return load_settings(domain=self._domain)
        except ConfigurationError as error:
            return str(error)

    def _compare(self, now: Settings | str) -> str:
        if isinstance(now, str):
            return f"a restart would fail: {now}"
        if isinstance(self._started, str):  # built with settings of its own, as in a notebook
            return ""
        keys = list(changed_keys(self._started.model_dump(mode="json"), now.model_dump(mode="json")))
        if not keys:
            return ""
        more = f" and {len(keys) - _MOST_KEYS} more" if len(keys) > _MOST_KEYS else ""
        shown = f"{', '.join(keys[:_MOST_KEYS])}{more}"
        return f"{find_params() or 'params.yaml'} has changed since the start; a restart applies {shown}"

    def _report(self, reason: str) -> None:
        if reason:
            self._health.warn("settings", reason)
        else:
            self._health.clear("settings")
        if reason != self._reported:
            self._reported = reason
            logger.warning("settings have changed", extra={"cause": reason or "the file is as it was at the start"})


def changed_keys(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """The keys whose values differ, with both values: ``training.folds (5, now 3)``."""
    for key in dict.fromkeys((*before, *now)):
        one, other = before.get(key), now.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from changed_keys(one, other, f"{prefix}{key}.")
        elif one != other:
            yield f"{prefix}{key} ({one}, now {other})"


def _modified_at() -> int | None:
    path = find_params()
    try:
        return path.stat().st_mtime_ns if path else None
    except OSError:
        return None
