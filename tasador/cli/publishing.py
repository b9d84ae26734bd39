"""Publishing as a person watches it: a bar that moves, why it stands still, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from producer import ListingPublisher
from producer.chunks import CHUNK_LISTINGS
from producer.encoding import Publishable
from producer.outcomes import OutcomeFile, OutcomePublisher
from producer.schedule import Schedule
from schemas.errors import NotConfirmedError, PublishError, TasadorError
from schemas.settings import Settings
from tasador.cli.awaiting import Awaited, awaited_answers
from tasador.cli.receipts import Receipts, keeping_receipts
from tasador.cli.terminal import err, out, write_json
from tasador.machine.running_system import open_redis, redis_url
from transport.connection import speaking_to


class Source(Protocol):
    """Listings whose progress can be shown.

    Attributes:
        total: where it ends, in the unit of `done`.
    """

    total: int

    @property
    def done(self) -> int:
        """How far the iteration has come."""

    def __iter__(self) -> Iterator[Publishable]:
        """Give the listings."""


class Limited:
    """The first listings of a source."""

    def __init__(self, source: Source, limit: int) -> None:
        self.total = limit
        self.done = 0
        self._source = source

    def __iter__(self) -> Iterator[Publishable]:
        self.done = 0
        for listing in islice(self._source, self.total):
            self.done += 1
            yield listing


@dataclass(frozen=True, slots=True)
class Waiting:
    """How to wait for answers: the file that they are written to, and the seconds after which it is enough."""

    answers: Path | None
    timeout_s: float | None


class Pace:
    """As fast as possible, or at a rate."""

    def __init__(self, rate_per_s: float | None) -> None:
        self._schedule = Schedule(rate_per_s) if rate_per_s is not None else None
        self.together = self._schedule.chunk_size if self._schedule else CHUNK_LISTINGS

    def keep(self, listings: Iterable[Any]) -> Iterable[Any]:
        """The listings as they shall leave."""
        return self._schedule.pace(listings) if self._schedule else listings


class _Tally:
    """What has been published so far, shown as a progress bar on standard error."""

    def __init__(self, source: Source | OutcomeFile, high_water: int, noun: str = "listings") -> None:
        self.source = source
        self.noun = noun
        self.count = 0
        self.first_entry = ""
        self.last_entry = ""
        self._high_water = high_water
        counted = TextColumn(f"{{task.fields[count]:,}} {noun}")
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), counted, TimeRemainingColumn())
        self.progress = Progress(*columns, console=err)
        self._task = self.progress.add_task("Publishing", total=source.total, count=0)

    def add(self, entry_ids: Sequence[str]) -> None:
        """Count what has been published."""
        self.first_entry = self.first_entry or entry_ids[0]
        self.last_entry = entry_ids[-1]
        self.count += len(entry_ids)
        self.progress.update(self._task, description="Publishing", completed=self.source.done, count=self.count)

    def wait(self, backlog: int) -> None:
        """Show why nothing moves."""
        reason = f"Waiting, backlog {backlog:,}, high-water mark {self._high_water:,}"
        self.progress.update(self._task, description=reason)

    def await_answers(self, answered: int) -> None:
        """Show how many answers are there."""
        self.progress.update(
            self._task, description="Waiting for answers", completed=answered, total=self.count, count=answered
        )


def publish_listings(
    settings: Settings,
    source: Source,
    pace: Pace,
    waiting: Waiting | None,
    *,
    validate: bool,
    as_json: bool,
    receipts_path: Path | None = None,
) -> None:
    """Publish listings, wait for their answers if asked, and tell what came of it.

    Raises:
        DataError: a file is broken, or answers or receipts cannot be written.
        RefusedListingError: a listing is not valid, and was to be checked first.
        PublishError: Redis would not take listings.
        NotConfirmedError: answers are missing.
    """
    tally = _Tally(source, settings.high_water)
    started_s = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(speaking_to(redis_url(settings)))
        receipts = stack.enter_context(keeping_receipts(receipts_path))
        awaited: Awaited | None = None
        if waiting is not None:
            client = stack.enter_context(open_redis(settings))
            awaited = stack.enter_context(awaited_answers(client, settings.streams, waiting.answers))

        def on_wait(backlog: int) -> None:
            tally.wait(backlog)
            if awaited:
                awaited.look()

        publisher = stack.enter_context(ListingPublisher(settings, validate=validate, on_wait=on_wait))
        try:
            with tally.progress:
                chunks = publisher.publish_chunks(pace.keep(source), pace.together)
                _publish_all(chunks, tally, awaited, receipts)
                seconds = time.perf_counter() - started_s
                if awaited and waiting:
                    awaited.wait(waiting.timeout_s, tally.await_answers)
        except KeyboardInterrupt:
            if awaited is None:
                raise
            raise NotConfirmedError(f"interrupted: {awaited.what_is_missing()}; {_ADVICE}") from None
        except NotConfirmedError as error:
            raise NotConfirmedError(f"{error}; {_ADVICE}") from error
        answers = awaited.write(waiting.answers, settings.load_domain()) if awaited and waiting else None
    _report(tally, seconds, answers, waiting, as_json=as_json)


_ADVICE = "no answers were written; publish the same again soon, and repeats get the predictions that were made"


def publish_outcomes(
    settings: Settings, outcomes: OutcomeFile, pace: Pace, limit: int | None, *, as_json: bool
) -> None:
    """Publish outcomes and tell how many.

    Raises:
        DataError: the file is broken, or a row holds no outcome of this domain.
        PublishError: Redis would not take them.
    """
    tally = _Tally(outcomes, settings.high_water, "outcomes")
    started_s = time.perf_counter()
    with OutcomePublisher(settings) as publisher, tally.progress:
        _publish_all(publisher.publish_chunks(pace.keep(islice(outcomes, limit)), pace.together), tally, None)
    _report(tally, time.perf_counter() - started_s, None, None, as_json=as_json)
    if outcomes.skipped:
        err.print(f"{outcomes.skipped:,} rows have no outcome yet", highlight=False)


def _publish_all(
    chunks: Iterable[list[str]], tally: _Tally, awaited: Awaited | None, receipts: Receipts | None = None
) -> None:
    receipts = receipts or Receipts(None)
    try:
        for entry_ids in chunks:
            receipts.add(entry_ids)
            tally.add(entry_ids)
            if awaited:
                awaited.published(entry_ids)
    except TasadorError as error:
        confirmed = error.entry_ids if isinstance(error, PublishError) else ()
        receipts.add(confirmed)
        count = tally.count + len(confirmed)
        err.print(f"{count:,} {tally.noun} were published before this:", highlight=False)
        raise


def _report(
    tally: _Tally,
    seconds: float,
    answers: dict[str, int] | None,
    waiting: Waiting | None,
    *,
    as_json: bool,
) -> None:
    path = waiting.answers if waiting else None
    if as_json:
        told: dict[str, Any] = {"published": tally.count, "first_entry": tally.first_entry}
        told |= {"last_entry": tally.last_entry, "seconds": round(seconds, 3)}
        told |= {"answers": answers, "out": str(path) if path else None} if answers is not None else {}
        write_json(told)
        return
    rate = f"{seconds:.2f} s, {tally.count / seconds:,.0f}/s"
    out.print(f"{tally.count:,} {tally.noun} published in {rate}", highlight=False)
    out.print(f"entries {tally.first_entry} to {tally.last_entry}", highlight=False)
    if answers is not None:
        kinds = ", ".join(f"{count:,} {_KINDS[kind]}" for kind, count in sorted(answers.items()))
        out.print(f"answers: {kinds}" + (f"; written to {path}" if path else ""), highlight=False, soft_wrap=True)


_KINDS = {
    "scored": "scored",
    "refused": "refused",
    "repeated": "repeats of a listing predicted before",
    "repeat": "repeats whose prediction is not kept any more",
}
