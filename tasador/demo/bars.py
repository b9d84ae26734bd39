"""How far the demo is: listings published, and listings answered."""

from __future__ import annotations

from typing import Any, Self

import redis
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from schemas.streams import Streams
from tasador.cli.terminal import err


class Bars:
    """Two bars on standard error, shown in a `with` block.

    Args:
        client: of the Redis that counts what is answered.
        streams: the domain's keys.
        total: how many listings there are.
    """

    def __init__(self, client: redis.Redis, streams: Streams, total: int) -> None:
        self._client = client
        self._streams = streams
        self._progress = Progress(TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), console=err)
        self._published = self._progress.add_task("published", total=total)
        self._answered = self._progress.add_task("answered", total=total)
        self._before = self._count()

    def show_published(self, count: int) -> None:
        """Show how many listings are published."""
        self._progress.update(self._published, completed=count)

    def show_answered(self) -> None:
        """Look how many are answered, and show it."""
        self._progress.update(self._answered, completed=self._count() - self._before)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _count(self) -> int:
        answered: Any = self._client.hget(self._streams.progress, "answered")
        return int(answered or 0)
