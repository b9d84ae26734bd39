"""Names: of parts, stable over restarts so that a part finds its own left-overs; and of the command line itself."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from pathlib import Path

import typer

LONGEST = 100
_LONGEST_HOST = 80
_ALLOWED = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST}}}")


def host_name() -> str:
    """This machine's name, as part of a name."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:_LONGEST_HOST]


def default_name(port: int) -> str:
    """The name of a part that was given none: host and port are its own as long as it runs."""
    return f"{host_name()}-{port}"


def check_name(name: str | None) -> str | None:
    """The name as it came.

    Raises:
        typer.BadParameter: it would not pass as part of a CloudEvents source.
    """
    if name is not None and not _ALLOWED.fullmatch(name):
        raise typer.BadParameter(f"use up to {LONGEST} letters, digits, dots, dashes and underscores")
    return name


def how_to_call() -> str:
    """What a person types to call this command line: `tasador` where the PATH finds it, else its path."""
    here = Path(sys.executable).parent / "tasador"
    found = shutil.which("tasador")
    if (found and Path(found).resolve() == here.resolve()) or not here.exists():
        return "tasador"
    return os.path.relpath(here) if here.is_relative_to(Path.cwd()) else str(here)
