"""`tasador publish`: publishes listings from a file, sample listings, or outcomes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from producer.answer_files import check_answer_path
from producer.files import ListingFile, RowFile
from producer.outcomes import OutcomeFile
from producer.samples import SampleListings
from producer.schedule import Schedule
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.publishing import (
    AnswerOptions,
    ListingSource,
    Resumption,
    SourceRange,
    publish_listings,
    publish_outcomes,
)
from tasador.cli.reading import DecimalOption, RenameOption, SkipOption, table_options
from tasador.cli.terminal import print_note
from tasador.machine.running_system import find_settings, open_redis
from transport.server import check_server

EXAMPLE = "tasador publish homes.csv --id-column ID --out answers.csv"


def publish(
    file: Annotated[
        Path | None,
        typer.Argument(help="A table: CSV with a header, JSON lines or an array, Parquet or Excel; .gz and .zst too."),
    ] = None,
    *,
    sample: Annotated[int | None, typer.Option("--sample", min=1, help="Publish this many sample listings.")] = None,
    id_column: Annotated[
        str | None, typer.Option("--id-column", help="Column that holds the ids.", show_default="the domain's")
    ] = None,
    subject_column: Annotated[
        str | None,
        typer.Option("--subject-column", help="Column that names properties, whose stored features are taken."),
    ] = None,
    source: Annotated[str, typer.Option("--source", help="Source of the listings that do not name one.")] = "",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Stop after this many.")] = None,
    rate_per_s: Annotated[
        float | None, typer.Option("--rate", min=0.001, max=1e6, help="Publish this many a second.")
    ] = None,
    are_outcomes: Annotated[
        bool, typer.Option("--outcomes", help="The file holds outcomes: ids and the target column.")
    ] = False,
    validate: Annotated[
        bool, typer.Option("--validate", help="Validate each listing, and stop at the first invalid one.")
    ] = False,
    is_waiting: Annotated[bool, typer.Option("--wait", help="Wait until every listing has its answer.")] = False,
    answers: Annotated[
        Path | None,
        typer.Option("--out", help="Wait, and write each listing's prediction or error to this file (.csv, .parquet)."),
    ] = None,
    receipts: Annotated[
        Path | None,
        typer.Option("--receipts", help="Write each listing's entry id to this file, for `tasador verify --ids`."),
    ] = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Seconds to wait for answers after the last listing.")
    ] = None,
    is_strict: Annotated[
        bool, typer.Option("--strict", help="Wait, and exit with 1 if any listing was refused.")
    ] = False,
    start_after: Annotated[
        int, typer.Option("--start-after", min=0, help="Leave out the first N, which an earlier run has published.")
    ] = 0,
    reconnect_s: Annotated[
        float, typer.Option("--reconnect", min=0, help="Seconds to go on trying after a lost connection; 0 stops.")
    ] = 300,
    decimal: DecimalOption = None,
    rename: RenameOption = None,
    skip: SkipOption = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish listings or outcomes from a file, or sample listings.

    The target and columns that the domain ignores are left out; an empty cell, NA, NaN, null and ? are missing values.
    Without a column of ids, a row's id is derived from the file's hash and the row number, so that publishing a file
    twice does not score it twice. JSON lines may be whole events with their own id, source, subject and time. With
    --subject-column the file may lack features that are stored of its subjects (`tasador features`).
    Publishing pauses while the backlog is at its high-water mark, and goes on after a lost connection where it stopped.
    """
    if sample is not None and (file or id_column or subject_column or are_outcomes or start_after):
        raise typer.BadParameter("--sample cannot be combined with a file, its columns, --outcomes or --start-after")
    is_waiting = is_waiting or is_strict or answers is not None
    if are_outcomes and (is_waiting or validate or receipts or subject_column):
        raise typer.BadParameter("--outcomes cannot be combined with waiting, --receipts, --validate or subjects")
    if answers is not None:
        check_answer_path(answers)
    settings = find_settings(domain)
    declared = settings.load_domain()
    schedule = Schedule(rate_per_s or math.inf)
    options = table_options(settings, decimal, rename, skip)
    resumption = Resumption(reconnect_s, start_after)
    with open_redis(settings) as client:
        check_server(client, settings.streams)
    if are_outcomes:
        outcomes = OutcomeFile(_require_file(file), declared, id_column, source, options)
        _print_notes(outcomes)
        publish_outcomes(settings, outcomes, schedule, limit, resumption, as_json=as_json)
        return
    listings: ListingSource
    if sample is not None:
        listings = SampleListings(declared, sample, source=source)
    else:
        listings = ListingFile(_require_file(file), declared, id_column, source, options, subject_column)
        _print_notes(listings)
    publish_listings(
        settings,
        SourceRange(listings, start_after, limit),
        schedule,
        AnswerOptions(answers, timeout_s, is_strict) if is_waiting else None,
        resumption,
        validate=validate,
        as_json=as_json,
        receipts_path=receipts,
    )


def _require_file(file: Path | None) -> Path:
    if file is None:
        raise typer.BadParameter("name a file, or use --sample N")
    return file


def _print_notes(file: RowFile) -> None:
    for note in file.notes:
        print_note(note)
