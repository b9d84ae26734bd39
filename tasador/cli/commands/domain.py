"""`tasador domain`: creates a domain from a table."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from schemas.command_line import spell_command
from schemas.domain import BUILT_IN, Domain, load_domain
from schemas.errors import ConfigurationError, DataError
from schemas.event_size import check_limits_admit
from schemas.settings import Settings, load_settings
from tables.frame import join_chunks
from tables.opening import open_table
from tables.options import TableOptions
from tables.rows import TableChunk, TableFile
from tasador.cli.options import JsonOption
from tasador.cli.reading import DecimalOption, RenameOption, table_options
from tasador.cli.terminal import print_line, print_note, stderr, write_json
from tasador.drafting.draft import Draft, Task, draft
from tasador.drafting.new_module import new_module
from tasador.drafting.params import add_domain, params_entry
from tasador.drafting.profile import TableProfile

if TYPE_CHECKING:
    import pandas as pd

EXAMPLE = "tasador domain new wine.csv --target quality --write-params"

app = typer.Typer(help="Create a domain from a table.", no_args_is_help=True)

FOLDER = Path("domains")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@app.callback()
def domain() -> None:
    """Create a domain from a table."""


@app.command(epilog=f"Example: {EXAMPLE}")
def new(
    file: Annotated[Path, typer.Argument(help="A table: CSV with a header, JSON lines or an array, Parquet or Excel.")],
    *,
    target: Annotated[str, typer.Option(help="The column to predict.")],
    name: Annotated[str | None, typer.Option(help="Name of the domain.", show_default="the file's")] = None,
    task: Annotated[Task | None, typer.Option(help="Task of the domain.", show_default="inferred")] = None,
    skip: Annotated[
        list[str] | None, typer.Option(help="Column that is not a feature; the domain ignores it. Repeatable.")
    ] = None,
    id_column: Annotated[str | None, typer.Option("--id-column", help="Column that holds the ids.")] = None,
    decimal: DecimalOption = None,
    rename: RenameOption = None,
    module: Annotated[
        Path | None, typer.Option("--out", help="Python file to write.", show_default="domains/<name>.py")
    ] = None,
    is_writing_params: Annotated[bool, typer.Option("--write-params", help="Also add it to params.yaml.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the class of a domain from a table: types, ranges, categories and missing values.

    Fill in units, and check the ranges before you train: valid values may lie outside what a small table holds.
    """
    name = name or re.sub(r"[^A-Za-z0-9_-]+", "-", file.stem).strip("-").lower()
    if not _NAME.fullmatch(name) or name in BUILT_IN:
        raise typer.BadParameter(f"{name!r} cannot name a domain: use --name with letters, digits, _ and -")
    module = module or FOLDER / f"{name.replace('-', '_')}.py"
    dotted = _dotted(module)
    if module.exists():
        raise ConfigurationError(f"{module}: already exists; name another file with --out, or delete it")
    # of a built-in domain, since the one of TASADOR_DOMAIN may be the one to create
    settings = load_settings(domain=next(iter(BUILT_IN)))
    options = table_options(None, decimal, rename, skip)
    table = open_table(file, options)
    profile = TableProfile(file, table, options)
    frame = join_chunks(_shown(profile.watch(), table), file, table.columns)
    columns = profile.columns()
    drafted = draft(
        name, file.name, columns, target, task, ignored=options.skip, id_column=id_column, settings=settings
    )
    path = f"{dotted}:{drafted.class_name}"
    with new_module(module, drafted.source):
        _check(load_domain(name, path), frame, file, options, settings)
        if is_writing_params:
            add_domain(Path("params.yaml"), name, path, file, options)
    if as_json:
        write_json(
            {"name": name, "file": str(module), "path": path, "task": drafted.task, "features": drafted.features}
        )
        return
    entry = params_entry(name, path, file, options)
    _show(file, name, module, drafted, None if is_writing_params else entry)


def _dotted(module: Path) -> str:
    parts = module.with_suffix("").parts
    if module.suffix != ".py" or module.is_absolute() or not all(part.isidentifier() for part in parts):
        raise typer.BadParameter(
            f"{module}: must be a .py file below the current folder with a path that Python can import"
        )
    return ".".join(parts)


def _shown(chunks: Iterable[TableChunk], table: TableFile) -> Iterator[TableChunk]:
    """The chunks of a table, with a bar that shows how much of it has been read."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True) as bar:
        task = bar.add_task("Reading", total=table.total)
        for chunk in chunks:
            bar.update(task, completed=table.done)
            yield chunk


def _check(domain: Domain, frame: pd.DataFrame, file: Path, options: TableOptions, settings: Settings) -> None:
    """Check the domain against the limits of a payload, and the table against its domain as a training does.

    Raises:
        ConfigurationError: no event of the domain can pass the limits.
        DataError: a training would stop because of the table.
    """
    check_limits_admit(domain, settings.limits)
    from training.data.checking import inspect
    from training.data.sources import RawTable

    raw = RawTable(frame, str(file), decimal=options.decimal)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=stderr, transient=True)
    with bar:
        bar.add_task(f"Checking {len(frame):,} rows", total=None)
        _, report = inspect(domain, raw, settings.training.model_copy(update={"time_column": None}))
    if report.stops:
        raise DataError(f"{file}: {report.stops}")


def _show(file: Path, name: str, module: Path, drafted: Draft, entry: str | None) -> None:
    print_line(f"wrote {module}: a {drafted.task}; fill in units and descriptions, and check the ranges")
    if entry is None:
        print_line("added to params.yaml under `domains`")
    else:
        print_line(f"add this to params.yaml (or use --write-params):\n\n{entry}\n")
    print_note(f"then: {spell_command('train', name)}")
    print_note(f"      {spell_command('up', name)}")
    print_note(f"      {spell_command(f'publish {shlex.quote(str(file))} --out answers.csv', name)}")
