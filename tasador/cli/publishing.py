"""Publishes listings or outcomes with a progress bar, waits for answers, and prints a summary."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import typer

from producer import ListingPublisher
from producer.encoding import Publishable
from producer.outcomes import OutcomeFile, OutcomePublisher
from producer.reconnection import Reconnection
from producer.schedule import Schedule
from schemas.errors import NotConfirmedError, PublishError, TasadorError
from schemas.settings import Settings
from tasador.cli.awaiting import AnswerWaiter, open_answer_waiter
from tasador.cli.publish_progress import MeasuredSource, PublishProgress
from tasador.cli.receipts import ReceiptFile, open_receipt_file
from tasador.cli.terminal import print_note
from tasador.cli.views.published import PublishSummary, show_summary
from tasador.machine.running_system import open_redis, redis_url
from transport.connection import speaking_to


class ListingSource(MeasuredSource, Protocol):
    """Listings with a known size."""

    def __iter__(self) -> Iterator[Publishable]:
        """Read the listings."""


@dataclass
class SourceRange:
    """The listings of a source after the first `skipped`, at most `limit` if it is given."""

    source: ListingSource
    skipped: int
    limit: int | None
    read: int = 0

    @property
    def total(self) -> int:
        """Size, in the unit of `done`."""
        return self.source.total if self.limit is None else self.limit

    @property
    def done(self) -> int:
        """How much has been read."""
        return self.source.done if self.limit is None else self.read

    def __iter__(self) -> Iterator[Publishable]:
        self.read = 0
        for listing in islice(self.source, self.skipped, _end(self.skipped, self.limit)):
            self.read += 1
            yield listing


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """What to do with the answers.

    Attributes:
        path: file to write them to.
        timeout_s: how long to wait for them after the last listing, in seconds.
        is_strict: exit with 1 if a listing was refused.
    """

    path: Path | None
    timeout_s: float | None
    is_strict: bool = False


@dataclass(frozen=True, slots=True)
class Resumption:
    """How publishing goes on after a lost connection.

    Attributes:
        reconnect_s: how long a connection may stay lost; 0 stops at once.
        start_after: number of listings or outcomes that an earlier run has published.
    """

    reconnect_s: float = 0
    start_after: int = 0


def publish_listings(
    settings: Settings,
    source: ListingSource,
    schedule: Schedule,
    options: AnswerOptions | None,
    resumption: Resumption,
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
        typer.Exit: a listing was refused, and `options` is strict.
    """
    progress = PublishProgress(source, settings.high_water, resumption.reconnect_s)
    started_s = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(speaking_to(redis_url(settings)))
        receipts = stack.enter_context(open_receipt_file(receipts_path))
        waiter: AnswerWaiter | None = None
        if options is not None:
            client = stack.enter_context(open_redis(settings))
            waiter = stack.enter_context(open_answer_waiter(client, settings.streams, options.path))
            waiter.keep_through(resumption.reconnect_s, progress.show_lost)

        def on_wait(backlog: int) -> None:
            progress.show_backlog(backlog)
            if waiter:
                waiter.poll()

        reconnection = Reconnection(resumption.reconnect_s, progress.show_lost)
        publisher = stack.enter_context(
            ListingPublisher(settings, validate=validate, on_wait=on_wait, reconnection=reconnection)
        )
        try:
            with progress.bar:
                # closed at once if a listing is refused: the error would keep the file open
                paced = stack.enter_context(closing(schedule.pace(source)))
                _publish_all(
                    publisher.publish_chunks(paced, schedule.chunk_size), progress, resumption, waiter, receipts
                )
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
    summary = _summary(progress, seconds, answers, options)
    show_summary(summary, "listings", as_json=as_json)
    if options and options.is_strict and summary.refused:
        print_note(f"{summary.refused:,} of {summary.published:,} listings were refused")
        raise typer.Exit(1)


_ADVICE = "no answers were written; publish the same file again soon to get the predictions that were made"


def publish_outcomes(
    settings: Settings,
    outcomes: OutcomeFile,
    schedule: Schedule,
    limit: int | None,
    resumption: Resumption,
    *,
    as_json: bool,
) -> None:
    """Publish outcomes and print a summary.

    Raises:
        DataError: the file is broken, or a row holds no outcome of this domain.
        PublishError: Redis refused outcomes.
    """
    progress = PublishProgress(outcomes, settings.high_water, resumption.reconnect_s, "outcomes")
    started_s = time.perf_counter()
    reconnection = Reconnection(resumption.reconnect_s, progress.show_lost)
    start = resumption.start_after
    wanted = islice(outcomes, start, _end(start, limit))
    with (
        OutcomePublisher(settings, reconnection) as publisher,
        closing(schedule.pace(wanted)) as paced,
        progress.bar,
    ):
        _publish_all(publisher.publish_chunks(paced, schedule.chunk_size), progress, resumption)
    show_summary(_summary(progress, time.perf_counter() - started_s), "outcomes", as_json=as_json)
    if outcomes.skipped:
        print_note(f"{outcomes.skipped:,} rows were skipped: they have no outcome yet")


def _publish_all(
    chunks: Iterable[list[str]],
    progress: PublishProgress,
    resumption: Resumption,
    waiter: AnswerWaiter | None = None,
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
        # of an interrupted chunk the confirmed ones need not be the first, and a repeat is harmless
        done = resumption.start_after + progress.count
        print_note(
            f"{count:,} {progress.noun} were published before this error; for the rest of a file repeat the command "
            f"with --start-after {done}:"
        )
        raise


def _summary(
    progress: PublishProgress,
    seconds: float,
    answers: dict[str, int] | None = None,
    options: AnswerOptions | None = None,
) -> PublishSummary:
    path = options.path if options else None
    return PublishSummary(
        published=progress.count,
        first_entry=progress.first_entry,
        last_entry=progress.last_entry,
        seconds=round(seconds, 3),
        answers=answers,
        out=str(path) if path else None,
    )


def _end(start: int, limit: int | None) -> int | None:
    return None if limit is None else start + limit
