"""Progress bars of the demo: listings published and listings answered."""

from __future__ import annotations

from typing import Any, Self

import redis
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from schemas.streams import Streams
from tasador.cli.terminal import stderr


class DemoProgressBars:
    """Two bars on standard error, shown in a `with` block.

    Args:
        client: of the domain's Redis.
        streams: the domain's keys.
        total: number of listings.
    """

    def __init__(self, client: redis.Redis, streams: Streams, total: int) -> None:
        self._client = client
        self._streams = streams
        self._progress = Progress(
            TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), console=stderr
        )
        self._published = self._progress.add_task("published", total=total)
        self._answered = self._progress.add_task("answered", total=total)
        self._before = self._count()

    def show_published(self, count: int) -> None:
        """Show how many listings are published."""
        self._progress.update(self._published, completed=count)

    def show_answered(self) -> None:
        """Read how many listings are answered, and show it."""
        self._progress.update(self._answered, completed=self._count() - self._before)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _count(self) -> int:
        answered: Any = self._client.hget(self._streams.progress, "answered")
        return int(answered or 0)
