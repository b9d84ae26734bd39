"""A table as the product prepares it: drafted by `tasador domain new`, read and checked as a training does."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.tables.panel import PanelTable
from schemas.errors import DataError
from schemas.settings import PREFIX, Settings, load_settings
from training.data.checking import validate
from training.data.sources import read_source
from training.data.tables import Table

MODULES = "panel_domains"
PARAMS = "params.yaml"


@dataclass(frozen=True, slots=True)
class PreparedTable:
    """A table and the settings of its domain.

    Attributes:
        panel: its entry in the panel.
        table: the rows that training accepts.
        settings: what `tasador domain new` has written, with a home folder beside it.
        file: that was read.
    """

    panel: PanelTable
    table: Table
    settings: Settings
    file: Path


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder for files, drafted domains and their params.yaml, from which Python imports the domains."""
    with TemporaryDirectory(prefix="tasador-tables-") as name:
        folder = Path(name)
        sys.path.insert(0, name)
        try:
            yield folder
        finally:
            sys.path.remove(name)
            for module in [each for each in sys.modules if each.partition(".")[0] == MODULES]:
                del sys.modules[module]


def prepare(panel: PanelTable, file: Path, folder: Path, home: Path | None = None) -> PreparedTable:
    """Draft the domain of a file in a workspace with the command that users type, then read and check the file.

    Args:
        panel: the table's entry.
        file: the table.
        folder: a workspace.
        home: the folder for state; by default one in the workspace.

    Raises:
        DataError: `tasador domain new` refuses the table, or training would.
    """
    module, name = panel.name.replace("-", "_"), f"panel-{panel.name}"
    skips = [word for column in panel.dropped for word in ("--skip", column)]
    command = ["domain", "new", str(file), "--target", panel.target, "--task", panel.task, "--name", name, *skips]
    written = ["--out", f"{MODULES}/{module}.py", "--write-params"]
    done = subprocess.run(
        [sys.executable, "-m", "tasador", *command, *written],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DataError(f"{panel.name}: tasador domain new: {done.stderr.strip() or done.stdout.strip()}")
    importlib.invalidate_caches()
    settings = load_settings(folder / PARAMS, domain=name, home=home or folder / "home")
    table, _ = validate(settings.load_domain(), read_source(settings), settings.training)
    return PreparedTable(panel, table, settings, file)


def _environment() -> dict[str, str]:
    """This process's environment without the user's settings, and with the folder that it imports the product from."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return kept | {"PYTHONPATH": str(Path(__file__).parents[2])}
