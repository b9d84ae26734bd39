"""Publishes listings or outcomes with a progress bar, waits for answers, and prints a summary."""

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
from producer.encoding import Publishable
from producer.outcomes import OutcomeFile, OutcomePublisher
from producer.schedule import Schedule
from schemas.errors import NotConfirmedError, PublishError, TasadorError
from schemas.settings import Settings
from tasador.cli.awaiting import AnswerWaiter, open_answer_waiter
from tasador.cli.receipts import ReceiptFile, open_receipt_file
from tasador.cli.terminal import print_line, print_note, stderr, write_json
from tasador.machine.running_system import open_redis, redis_url
from transport.connection import speaking_to


class ListingSource(Protocol):
    """Listings with a known size.

    Attributes:
        total: size, in the unit of `done`.
    """

    total: int

    @property
    def done(self) -> int:
        """How much has been read."""

    def __iter__(self) -> Iterator[Publishable]:
        """Read the listings."""


@dataclass
class LimitedSource:
    """The first `total` listings of a source."""

    source: ListingSource
    total: int
    done: int = 0

    def __iter__(self) -> Iterator[Publishable]:
        self.done = 0
        for listing in islice(self.source, self.total):
            self.done += 1
            yield listing


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """Where to write answers, and how long to wait for them in seconds."""

    path: Path | None
    timeout_s: float | None


class _PublishProgress:
    def __init__(self, source: ListingSource | OutcomeFile, high_water: int, noun: str = "listings") -> None:
        self.source = source
        self.noun = noun
        self.count = 0
        self.first_entry = ""
        self.last_entry = ""
        self._high_water = high_water
        counted = TextColumn(f"{{task.fields[count]:,}} {noun}")
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), counted, TimeRemainingColumn())
        self.bar = Progress(*columns, console=stderr)
        self._task = self.bar.add_task("Publishing", total=source.total, count=0)

    def add(self, entry_ids: Sequence[str]) -> None:
        """Count published entries."""
        self.first_entry = self.first_entry or entry_ids[0]
        self.last_entry = entry_ids[-1]
        self.count += len(entry_ids)
        self.bar.update(self._task, description="Publishing", completed=self.source.done, count=self.count)

    def show_backlog(self, backlog: int) -> None:
        """Show that publishing waits for the backlog to shrink."""
        reason = f"Waiting, backlog {backlog:,}, high-water mark {self._high_water:,}"
        self.bar.update(self._task, description=reason)

    def show_answers(self, answered: int) -> None:
        """Show how many answers have arrived."""
        self.bar.update(
            self._task, description="Waiting for answers", completed=answered, total=self.count, count=answered
        )


def publish_listings(
    settings: Settings,
    source: ListingSource,
    schedule: Schedule,
    options: AnswerOptions | None,
    *,
    validate: bool,
    as_json: bool,
    receipts_path: Path | None = None,
) -> None:
    """Publish listings, wait for their answers if `options` is given, and print a summary.

    Raises:
        DataError: a file is broken, or answers or receipts cannot be written.
        RefusedListingError: with `validate`, a listing is not valid.
        PublishError: Redis refused listings.
        NotConfirmedError: answers are missing.
    """
    progress = _PublishProgress(source, settings.high_water)
    started_s = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(speaking_to(redis_url(settings)))
        receipts = stack.enter_context(open_receipt_file(receipts_path))
        waiter: AnswerWaiter | None = None
        if options is not None:
            client = stack.enter_context(open_redis(settings))
            waiter = stack.enter_context(open_answer_waiter(client, settings.streams, options.path))

        def on_wait(backlog: int) -> None:
            progress.show_backlog(backlog)
            if waiter:
                waiter.poll()

        publisher = stack.enter_context(ListingPublisher(settings, validate=validate, on_wait=on_wait))
        try:
            with progress.bar:
                chunks = publisher.publish_chunks(schedule.pace(source), schedule.chunk_size)
                _publish_all(chunks, progress, waiter, receipts)
                seconds = time.perf_counter() - started_s
                if waiter and options:
                    waiter.wait(options.timeout_s, progress.show_answers)
        except KeyboardInterrupt:
            if waiter is None:
                raise
            raise NotConfirmedError(f"interrupted: {waiter.describe_missing()}; {_ADVICE}") from None
        except NotConfirmedError as error:
            raise NotConfirmedError(f"{error}; {_ADVICE}") from error
        answers = waiter.write(options.path, settings.load_domain()) if waiter and options else None
    _report(progress, seconds, answers, options, as_json=as_json)


_ADVICE = "no answers were written; publish the same file again soon to get the predictions that were made"


def publish_outcomes(
    settings: Settings, outcomes: OutcomeFile, schedule: Schedule, limit: int | None, *, as_json: bool
) -> None:
    """Publish outcomes and print a summary.

    Raises:
        DataError: the file is broken, or a row holds no outcome of this domain.
        PublishError: Redis refused outcomes.
    """
    progress = _PublishProgress(outcomes, settings.high_water, "outcomes")
    started_s = time.perf_counter()
    with OutcomePublisher(settings) as publisher, progress.bar:
        chunks = publisher.publish_chunks(schedule.pace(islice(outcomes, limit)), schedule.chunk_size)
        _publish_all(chunks, progress, None)
    _report(progress, time.perf_counter() - started_s, None, None, as_json=as_json)
    if outcomes.skipped:
        print_note(f"{outcomes.skipped:,} rows were skipped: they have no outcome yet")


def _publish_all(
    chunks: Iterable[list[str]],
    progress: _PublishProgress,
    waiter: AnswerWaiter | None,
    receipts: ReceiptFile | None = None,
) -> None:
    receipts = receipts or ReceiptFile(None)
    try:
        for entry_ids in chunks:
            receipts.add(entry_ids)
            progress.add(entry_ids)
            if waiter:
                waiter.expect(entry_ids)
    except TasadorError as error:
        confirmed = error.entry_ids if isinstance(error, PublishError) else ()
        receipts.add(confirmed)
        count = progress.count + len(confirmed)
        print_note(f"{count:,} {progress.noun} were published before this error:")
        raise


def _report(
    progress: _PublishProgress,
    seconds: float,
    answers: dict[str, int] | None,
    options: AnswerOptions | None,
    *,
    as_json: bool,
) -> None:
    path = options.path if options else None
    if as_json:
        document: dict[str, Any] = {"published": progress.count, "first_entry": progress.first_entry}
        document |= {"last_entry": progress.last_entry, "seconds": round(seconds, 3)}
        document |= {"answers": answers, "out": str(path) if path else None} if answers is not None else {}
        write_json(document)
        return
    rate = f"{seconds:.2f} s, {progress.count / seconds:,.0f}/s"
    print_line(f"{progress.count:,} {progress.noun} published in {rate}")
    print_line(f"entries {progress.first_entry} to {progress.last_entry}")
    if answers is not None:
        kinds = ", ".join(f"{count:,} {_KINDS[kind]}" for kind, count in sorted(answers.items()))
        print_line(f"answers: {kinds}" + (f"; written to {path}" if path else ""))


_KINDS = {
    "scored": "scored",
    "refused": "refused",
    "repeated": "repeats of a listing scored before",
    "repeat": "repeats whose prediction is no longer stored",
}
