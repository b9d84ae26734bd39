"""`tasador domain`: a domain of one's own."""

from __future__ import annotations

import importlib
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from schemas.domain import BUILT_IN, load_domain
from schemas.errors import ConfigurationError
from tasador.cli.options import JsonOption
from tasador.cli.terminal import err, out, write_json
from tasador.drafting.draft import Draft, draft
from tasador.drafting.params import add_domain, entry_of
from tasador.drafting.profile import profile

EXAMPLE = "tasador domain new wine.csv --target quality --write-params"

app = typer.Typer(help="Declare a domain of one's own.", no_args_is_help=True)

FOLDER = Path("domains")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class TaskName(StrEnum):
    """What a target can be."""

    REGRESSION = "regression"
    CLASSIFICATION = "classification"


@app.callback()
def domain() -> None:
    """Declare a domain of one's own."""


@app.command(epilog=f"Example: {EXAMPLE}")
def new(
    file: Annotated[Path, typer.Argument(help="A table: CSV with a header, Parquet, or JSON lines.")],
    *,
    target: Annotated[str, typer.Option(help="The column to predict.")],
    name: Annotated[str | None, typer.Option(help="Of the domain.", show_default="the file's")] = None,
    task: Annotated[TaskName | None, typer.Option(help="What the target is.", show_default="as it looks")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="A column that is no feature, such as an id.")] = None,
    module: Annotated[
        Path | None, typer.Option("--out", help="The Python file to write.", show_default="domains/<name>.py")
    ] = None,
    is_writing_params: Annotated[bool, typer.Option("--write-params", help="Name it in params.yaml too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the class of a domain from a table: types, ranges, categories, gaps; units are for you to fill in.

    Look through the class before you train: what a table of some hundred rows does not hold is not impossible.
    """
    name = name or re.sub(r"[^A-Za-z0-9_-]+", "-", file.stem).strip("-").lower()
    if not _NAME.fullmatch(name) or name in BUILT_IN:
        raise typer.BadParameter(f"{name!r} is no name for a domain: use --name with letters, digits, _ and -")
    module = module or FOLDER / f"{name.replace('-', '_')}.py"
    dotted = _dotted(module)
    if module.exists():
        raise ConfigurationError(f"{module}: is there already; name another file with --out, or delete it")
    columns = profile(file)
    if unknown := sorted({*(skip or ())} - {column.name for column in columns}):
        raise ConfigurationError(f"{file}: no column {', '.join(map(repr, unknown))} to skip")
    kept = [column for column in columns if column.name not in (skip or ())]
    drafted = draft(name, file.name, kept, target, task.value if task else None)
    _write(module, drafted)
    path = f"{dotted}:{drafted.class_name}"
    # Python may have looked into this folder already
    importlib.invalidate_caches()
    load_domain(name, path)
    if is_writing_params:
        add_domain(Path("params.yaml"), name, path, file)
    if as_json:
        write_json({"name": name, "file": str(module), "path": path, "task": drafted.task, "features": len(kept) - 1})
        return
    _tell(file, name, path, module, drafted, is_in_params=is_writing_params)


def _dotted(module: Path) -> str:
    """The dotted path by which Python finds a file below the current folder."""
    parts = module.with_suffix("").parts
    if module.suffix != ".py" or module.is_absolute() or not all(part.isidentifier() for part in parts):
        raise typer.BadParameter(f"{module}: name a .py file below the current folder, in words that Python can import")
    return ".".join(parts)


def _write(module: Path, drafted: Draft) -> None:
    try:
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(drafted.source, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{module}: cannot be written: {error.strerror}") from error


def _tell(file: Path, name: str, path: str, module: Path, drafted: Draft, *, is_in_params: bool) -> None:
    out.out(f"wrote {module}: a {drafted.task}; fill in units and descriptions, and look through the ranges")
    if is_in_params:
        out.out("params.yaml names it under `domains`")
    else:
        out.out(
            f"add this to params.yaml (or call with --write-params):\n\n{entry_of(name, path, file)}\n", highlight=False
        )
    err.out(f"then: tasador train --domain {name}", highlight=False)
    err.out(f"      tasador up --domain {name}", highlight=False)
    err.out(f"      tasador publish {file} --domain {name} --out answers.csv", highlight=False)
