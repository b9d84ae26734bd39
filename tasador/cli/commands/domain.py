"""`tasador domain`: creates a domain from a table."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Annotated

import typer

from schemas.domain import BUILT_IN, load_domain
from schemas.errors import ConfigurationError
from tasador.cli.options import JsonOption
from tasador.cli.terminal import print_line, print_note, write_json
from tasador.drafting.draft import Draft, Task, draft
from tasador.drafting.params import add_domain, params_entry
from tasador.drafting.profile import profile

EXAMPLE = "tasador domain new wine.csv --target quality --write-params"

app = typer.Typer(help="Create a domain from a table.", no_args_is_help=True)

FOLDER = Path("domains")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@app.callback()
def domain() -> None:
    """Create a domain from a table."""


@app.command(epilog=f"Example: {EXAMPLE}")
def new(
    file: Annotated[Path, typer.Argument(help="A table: CSV with a header, Parquet, or JSON lines.")],
    *,
    target: Annotated[str, typer.Option(help="The column to predict.")],
    name: Annotated[str | None, typer.Option(help="Name of the domain.", show_default="the file's")] = None,
    task: Annotated[Task | None, typer.Option(help="Task of the domain.", show_default="inferred")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Column that is not a feature; repeatable.")] = None,
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
    columns = profile(file)
    if unknown := sorted({*(skip or ())} - {column.name for column in columns}):
        raise ConfigurationError(f"{file}: no column {', '.join(map(repr, unknown))} to skip")
    used = [column for column in columns if column.name not in (skip or ())]
    drafted = draft(name, file.name, used, target, task)
    _write(module, drafted)
    path = f"{dotted}:{drafted.class_name}"
    # Python may have cached the folder's listing
    importlib.invalidate_caches()
    load_domain(name, path)
    if is_writing_params:
        add_domain(Path("params.yaml"), name, path, file)
    if as_json:
        write_json({"name": name, "file": str(module), "path": path, "task": drafted.task, "features": len(used) - 1})
        return
    _show(file, name, path, module, drafted, is_in_params=is_writing_params)


def _dotted(module: Path) -> str:
    parts = module.with_suffix("").parts
    if module.suffix != ".py" or module.is_absolute() or not all(part.isidentifier() for part in parts):
        raise typer.BadParameter(
            f"{module}: must be a .py file below the current folder with a path that Python can import"
        )
    return ".".join(parts)


def _write(module: Path, drafted: Draft) -> None:
    try:
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(drafted.source, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{module}: cannot be written: {error.strerror}") from error


def _show(file: Path, name: str, path: str, module: Path, drafted: Draft, *, is_in_params: bool) -> None:
    print_line(f"wrote {module}: a {drafted.task}; fill in units and descriptions, and check the ranges")
    if is_in_params:
        print_line("added to params.yaml under `domains`")
    else:
        print_line(f"add this to params.yaml (or use --write-params):\n\n{params_entry(name, path, file)}\n")
    print_note(f"then: tasador train --domain {name}")
    print_note(f"      tasador up --domain {name}")
    print_note(f"      tasador publish {file} --domain {name} --out answers.csv")
