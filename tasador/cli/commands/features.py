"""`tasador features`: stores, shows and removes what is known of properties before their next listing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from producer.feature_file import FeatureFile
from producer.feature_writer import FeatureWriter
from schemas.errors import DataError
from schemas.settings import Settings
from schemas.stored_features import StoredFeatures
from tasador.cli.options import MOMENT, DomainOption, JsonOption
from tasador.cli.reading import DecimalOption, RenameOption, SkipOption, table_options
from tasador.cli.terminal import print_line, print_note, stderr, stdout, write_json
from tasador.cli.views.stored_features import stored_features_view
from tasador.machine.running_system import find_settings
from transport.moments import parse_moment

app = typer.Typer(
    help="Store, show or remove what is known of properties, for listings that name them as their subject.\n\n"
    "A listing takes the features that its event lacks from those that are stored of its subject, if they are not "
    "older than features.max_age_s.",
    no_args_is_help=True,
)


@app.command(epilog="Example: tasador features put homes.csv --id-column ID --at 2h")
def put(
    file: Annotated[
        Path, typer.Argument(help="A table: CSV with a header, JSON lines or an array, Parquet or Excel; .gz and .zst.")
    ],
    *,
    id_column: Annotated[
        str | None, typer.Option("--id-column", help="Column that holds the subjects.", show_default="the domain's")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="COLUMN|MOMENT", help=f"When the values were true: a column, or: {MOMENT}"),
    ] = None,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Check every row; store nothing.")] = False,
    decimal: DecimalOption = None,
    rename: RenameOption = None,
    skip: SkipOption = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store the features of a table, a property a row, instead of what was stored of these properties.

    Every row is checked by the domain's own rules before the first is stored. A row need not have every feature; a
    missing value is not stored. The target and columns that the domain ignores are left out.
    """
    settings = find_settings(domain)
    features = FeatureFile(file, settings.load_domain(), id_column, at, table_options(settings, decimal, rename, skip))
    for note in features.notes:
        print_note(note)
    _note_switch(settings)
    with FeatureWriter(settings) as writer:
        count = _count("Checking", features, _checked(features, writer.encode))
        if not is_dry:
            count = _count("Storing", features, writer.put_chunks(features))
    if as_json:
        write_json({"subjects": count, "is_dry": is_dry})
    else:
        print_line(f"subjects that can be stored: {count:,}" if is_dry else f"subjects stored: {count:,}")


@app.command(epilog="Example: tasador features get property-981")
def get(subject: str, domain: DomainOption = None, as_json: JsonOption = False) -> None:
    """Show what is stored of a property, and whether consumers use it.

    Values that the domain does not allow are left out, as consumers do.
    """
    settings = find_settings(domain)
    with FeatureWriter(settings) as writer:
        stored = writer.get(subject)
    if stored is None:
        raise DataError(f"nothing is stored of {subject!r}")
    _note_switch(settings)
    now, max_age_s = datetime.now(UTC), settings.features.max_age_s
    if as_json:
        age_s = None if stored.at is None else round((now - stored.at).total_seconds(), 3)
        at = None if stored.at is None else stored.at.isoformat()
        times = {"at": at, "age_s": age_s, "is_fresh": stored.is_fresh(max_age_s, now)}
        write_json({"subject": subject, **times, "features": stored.features})
    else:
        stdout.print(stored_features_view(stored, max_age_s, now))


@app.command(epilog="Example: tasador features expire --older-than 30d")
def expire(
    subjects: Annotated[list[str] | None, typer.Argument(help="Properties whose features are removed.")] = None,
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="MOMENT", help=f"Remove what was true before. {MOMENT}")
    ] = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove what is stored of properties: of those that are named, or of all whose values are too old or undated.

    --older-than looks at every key of the server, a thousand at a time.
    """
    if bool(subjects) == (older_than is not None):
        raise typer.BadParameter("name subjects, or use --older-than")
    settings = find_settings(domain)
    with FeatureWriter(settings) as writer, stderr.status("removing stored features"):
        if older_than is None:
            count = writer.expire(subjects or ())
        else:
            moment = parse_moment(older_than, time.time_ns() // 1_000_000)
            count = writer.expire_older(datetime.fromtimestamp(moment.ms / 1000, UTC))
    if as_json:
        write_json({"subjects": count})
    else:
        print_line(f"subjects removed: {count:,}")


def _note_switch(settings: Settings) -> None:
    if not settings.features.is_on:
        print_note("features.is_on is false in params.yaml: consumers with these settings use no stored features")


def _checked(features: FeatureFile, check: Callable[[StoredFeatures], object]) -> Iterator[int]:
    for number, stored in enumerate(features, start=1):
        try:
            check(stored)
        except DataError as error:
            raise DataError(f"row {number}: {error}") from error
        yield 1


def _count(title: str, features: FeatureFile, counts: Iterable[int]) -> int:
    """The sum of counts, with a bar that shows how much of the file has been read."""
    counted = TextColumn("{task.fields[count]:,} subjects")
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), counted, TimeRemainingColumn())
    total = 0
    with Progress(*columns, console=stderr, transient=True) as bar:
        task = bar.add_task(title, total=features.total, count=0)
        for count in counts:
            total += count
            bar.update(task, completed=features.done, count=total)
    return total
