"""`tasador publish`: listings from a file, or samples, onto the stream; and outcomes onto theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from producer.answer_files import check_answer_path
from producer.files import ListingFile
from producer.outcomes import OutcomeFile
from producer.samples import SampleListings
from schemas.domain import Domain
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.publishing import Limited, Pace, Source, Waiting, publish_listings, publish_outcomes
from tasador.machine.running_system import find_settings, open_redis, redis_url
from transport.connection import speaking_to
from transport.server import check_server

EXAMPLE = "tasador publish homes.csv --id-column ID --out answers.csv"


def publish(
    file: Annotated[
        Path | None,
        typer.Argument(help="CSV with a header (.csv), Parquet (.parquet), or JSON lines (.jsonl, .ndjson, .json)."),
    ] = None,
    *,
    sample: Annotated[int | None, typer.Option("--sample", min=1, help="Publish this many sample listings.")] = None,
    id_column: Annotated[str | None, typer.Option("--id-column", help="The column that holds the ids.")] = None,
    source: Annotated[
        str, typer.Option("--source", help="Source of the listings, for whole events that name none too.")
    ] = "",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many.")] = None,
    rate_per_s: Annotated[
        float | None, typer.Option("--rate", min=0.001, max=1e6, help="So many a second, by the clock.")
    ] = None,
    are_outcomes: Annotated[
        bool, typer.Option("--outcomes", help="The file holds outcomes: the ids, and the target's column.")
    ] = False,
    validate: Annotated[
        bool, typer.Option("--validate", help="Check each listing first, and stop before one that would be refused.")
    ] = False,
    is_waiting: Annotated[bool, typer.Option("--wait", help="Wait until each listing has its answer.")] = False,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Wait, and write a row for each listing there (.csv, .parquet): prediction or why refused."
        ),
    ] = None,
    receipts: Annotated[
        Path | None,
        typer.Option("--receipts", help="Write the entry id of each listing there, for `tasador verify --ids`."),
    ] = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Seconds to wait for answers after the last listing.")
    ] = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish listings from a file, or samples.

    The target's column is dropped; an empty cell, NA, NaN and null are missing values. Without --id-column a row's id
    is made from the file's hash and the row, so that a file published twice in a row repeats nothing. JSON lines may be
    whole events, with their own id, source, subject and time. At the high-water mark of the backlog it waits.
    """
    if sample is not None and (file or id_column or are_outcomes):
        raise typer.BadParameter("a file and its --id-column or --outcomes, or --sample, not both")
    is_waiting = is_waiting or answers is not None
    if are_outcomes and (is_waiting or validate or receipts):
        raise typer.BadParameter("outcomes get no answers or receipts, and are always checked")
    if answers is not None:
        check_answer_path(answers)
    settings = find_settings(domain)
    declared = settings.load_domain()
    pace = Pace(rate_per_s)
    with open_redis(settings) as client, speaking_to(redis_url(settings)):
        check_server(client, settings.streams)
    if are_outcomes:
        outcomes = OutcomeFile(_named(file), declared, id_column, source)
        publish_outcomes(settings, outcomes, pace, limit, as_json=as_json)
        return
    found = _source(declared, file, sample, id_column, source)
    listings = Limited(found, limit) if limit is not None else found
    waiting = Waiting(answers, timeout_s) if is_waiting else None
    publish_listings(settings, listings, pace, waiting, validate=validate, as_json=as_json, receipts_path=receipts)


def _named(file: Path | None) -> Path:
    if file is None:
        raise typer.BadParameter("name a file, or ask for samples with --sample N")
    return file


def _source(domain: Domain, file: Path | None, sample: int | None, id_column: str | None, source: str) -> Source:
    if sample is not None:
        return SampleListings(domain, sample, source=source)
    return ListingFile(_named(file), domain, id_column, source)
