"""`tasador publish`: listings from a file, or samples, onto the stream."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from producer import ListingPublisher
from producer.encoding import Publishable
from producer.files import ListingFile
from producer.samples import SampleListings
from schemas.domain import Domain
from schemas.errors import PublishError, TasadorError
from tasador.console import err, out, write_json
from tasador.options import DomainOption, JsonOption
from tasador.place import find_settings, open_redis, redis_url
from transport.connection import speaking_to
from transport.server import check_server

EXAMPLE = "tasador publish homes.csv --id-column ID"


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


class _Tally:
    """What has been published so far, shown as a progress bar on standard error."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.count = 0
        self.first_entry = ""
        self.last_entry = ""
        counted = TextColumn("{task.fields[count]:,} listings")
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
        self.progress.update(self._task, description=f"Waiting, backlog {backlog:,}")


def publish(
    file: Annotated[
        Path | None, typer.Argument(help="CSV with a header (.csv), or JSON lines (.jsonl, .ndjson, .json).")
    ] = None,
    sample: Annotated[int | None, typer.Option("--sample", min=1, help="Publish this many sample listings.")] = None,
    id_column: Annotated[str | None, typer.Option("--id-column", help="The column that holds the ids.")] = None,
    validate: Annotated[
        bool, typer.Option("--validate", help="Check each listing first, and stop before one that would be refused.")
    ] = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish listings from a file, or samples.

    The target's column is dropped; an empty cell, NA, NaN and null are missing values. Without --id-column a row's id
    is made from the file's hash and the row, so that a file published twice in a row repeats nothing. At the
    high-water mark of the backlog it waits.
    """
    if sample is not None and (file or id_column):
        raise typer.BadParameter("a file and its --id-column, or --sample, not both")
    settings = find_settings(domain)
    tally = _Tally(_source(settings.load_domain(), file, sample, id_column))
    with open_redis(settings) as client, speaking_to(redis_url(settings)):
        check_server(client, settings.streams)
    started_s = time.perf_counter()
    with ListingPublisher(settings, validate=validate, on_wait=tally.wait) as publisher, tally.progress:
        _publish_all(publisher, tally)
    _report(tally, time.perf_counter() - started_s, as_json=as_json)


def _source(domain: Domain, file: Path | None, sample: int | None, id_column: str | None) -> Source:
    if file is not None:
        return ListingFile(file, domain, id_column)
    if sample is not None:
        return SampleListings(domain, sample)
    raise typer.BadParameter("name a file, or ask for samples with --sample N")


def _publish_all(publisher: ListingPublisher, tally: _Tally) -> None:
    try:
        for entry_ids in publisher.publish_chunks(tally.source):
            tally.add(entry_ids)
    except TasadorError as error:
        count = tally.count + (len(error.entry_ids) if isinstance(error, PublishError) else 0)
        err.print(f"{count:,} listings were published before this:", highlight=False)
        raise


def _report(tally: _Tally, seconds: float, *, as_json: bool) -> None:
    if as_json:
        entries = {"first_entry": tally.first_entry, "last_entry": tally.last_entry}
        write_json({"published": tally.count, **entries, "seconds": round(seconds, 3)})
        return
    rate = f"{seconds:.2f} s, {tally.count / seconds:,.0f}/s"
    out.print(f"{tally.count:,} listings published in {rate}", highlight=False)
    out.print(f"entries {tally.first_entry} to {tally.last_entry}", highlight=False)
