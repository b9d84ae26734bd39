"""Names of processes, which stay the same across restarts, and how to call the command line."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import uuid
from pathlib import Path

import typer

LONGEST = 100
_LONGEST_HOST = 80
_ALLOWED = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST}}}")


def host_name() -> str:
    """This machine's name in characters that a process name admits."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:_LONGEST_HOST]


def default_name(port: int) -> str:
    """The default name of a process: host and port, which no other process has while it runs.

    With port 0 the port is not known yet, and a random part makes the name unique; it is another one at each start.
    """
    return f"{host_name()}-{port or uuid.uuid4().hex[:8]}"


def check_name(name: str | None) -> str | None:
    """Return the name unchanged.

    Raises:
        typer.BadParameter: the name cannot be part of a CloudEvents source.
    """
    if name is not None and not _ALLOWED.fullmatch(name):
        raise typer.BadParameter(f"use up to {LONGEST} letters, digits, dots, dashes and underscores")
    return name


def find_invocation() -> str:
    """What to type to call this command line: `tasador` if the PATH finds it, else its path."""
    here = Path(sys.executable).parent / "tasador"
    on_path = shutil.which("tasador")
    if (on_path and Path(on_path).resolve() == here.resolve()) or not here.exists():
        return "tasador"
    return os.path.relpath(here) if here.is_relative_to(Path.cwd()) else str(here)
