"""Shows what runs on this machine: address and log of each process."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from schemas.command_line import spell_command
from schemas.settings import Settings
from tasador.cli.names import find_invocation
from tasador.machine.log_files import find_logs
from tasador.machine.running_system import RunningSystem
from transport.address import without_password


def map_of(system: RunningSystem, home: Path, width: int) -> str:
    """Address and log of each process, one line each, or two if a line would be wider than the terminal."""
    logs = find_logs(home)
    addresses = {
        "redis": without_password(system.redis_url),
        "mlflow": without_password(system.mlflow_uri),
        # the console is a page to open; all others are asked for their state
        **{label: f"{url}/" if label == "console" else f"{url}/readyz" for label, url in system.parts.items()},
    }
    names, urls = max(map(len, addresses)), max(map(len, addresses.values()))
    paths = {name: f"log {short_path(logs[name])}" for name in addresses if name in logs}
    is_wide = names + urls + max(map(len, paths.values()), default=0) + 4 > width
    break_ = "\n" + " " * (names + 2) if is_wide else "  "
    return "\n".join(
        f"{name:<{names}}  {address:<{0 if is_wide else urls}}{break_ + paths[name] if name in paths else ''}".rstrip()
        for name, address in addresses.items()
    )


def next_steps(home: Path, domain: str, *, is_in_background: bool) -> str:
    """What to type to use a domain of the system that runs in a home folder."""
    call = find_invocation()
    lines = ["running; type:" if is_in_background else "running; type in a second terminal:"]
    if home != Settings.model_fields["home"].default:
        lines.append(f"  export TASADOR_HOME={shlex.quote(str(home.absolute()))}")
    commands = (spell_command(words, domain) for words in ("publish --sample 100", "tail predictions", "status"))
    lines += [f"  {call} {command.removeprefix('tasador ')}" for command in commands]
    end = (
        f"`{call} logs NAME -f` follows a log, `{call} down` stops everything"
        if is_in_background
        else "Ctrl-C stops everything"
    )
    return "\n".join([*lines, end])


def short_path(path: Path) -> str:
    """A path as the user would type it: relative if it is below the current folder."""
    return os.path.relpath(path) if path.absolute().is_relative_to(Path.cwd()) else str(path)
