"""`tasador logs`: shows the log of a process of this machine."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import typer

from schemas.errors import SupervisorError
from tasador.cli.completions import complete_log
from tasador.cli.options import DomainOption
from tasador.cli.terminal import print_line
from tasador.cli.views.running_system import short_path
from tasador.machine.home import find_home
from tasador.machine.log_files import find_logs, follow, read_from, tail_position
from tasador.machine.requests import find_label

EXAMPLE = "tasador logs housing/consumer-1 -f"


def logs(
    part: Annotated[
        str | None,
        typer.Argument(
            metavar="[PART]",
            help="A process, such as housing/trainer; redis; or up, the supervisor.",
            autocompletion=complete_log,
        ),
    ] = None,
    is_following: Annotated[bool, typer.Option("--follow", "-f", help="Wait for new lines, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Start with the last N lines.")] = 20,
    domain: DomainOption = None,
) -> None:
    """Show the last lines of a log of `tasador up`, also after its end; without PART, list the logs."""
    home = find_home()
    found = find_logs(home)
    if not found:
        raise SupervisorError(f"no logs in {home}: nothing has run there yet; start the system with `tasador up`")
    if part is None:
        width = max(map(len, found))
        for name, path in found.items():
            print_line(f"{name:<{width}}  {short_path(path)}")
        return
    log = found[find_label(part, found, domain)]
    position = tail_position(log, lines)
    with suppress(KeyboardInterrupt):
        for line in follow(log, position) if is_following else read_from(log, position, is_ended=True)[0]:
            print_line(line)
