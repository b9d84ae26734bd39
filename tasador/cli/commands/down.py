"""`tasador down`: stops the running system, or one domain of it."""

from __future__ import annotations

from pathlib import Path

from tasador.cli.options import DomainOption
from tasador.cli.terminal import print_line, print_note
from tasador.machine.home import find_home
from tasador.machine.requests import remove_domain
from tasador.machine.running_system import read_running_system
from tasador.machine.shutdown import stop_running_system

EXAMPLE = "tasador down"


def down(domain: DomainOption = None) -> None:
    """Stop what `tasador up` runs in the home folder, in order; state stays.

    With --domain only this domain stops, unless it is the only one. Nothing running is not an error. Processes that a
    killed `tasador up` left behind are stopped too.
    """
    home = find_home()
    system = read_running_system(home)
    if domain and system and system.domains != [domain]:
        print_line(f"stopped {', '.join(remove_domain(home, domain))}")
        return
    _stop_all(home)


def _stop_all(home: Path) -> None:
    stopped = stop_running_system(home)
    if stopped is None:
        print_note(f"no system is running in {home}")
        return
    print_line(f"stopped {', '.join(stopped.processes)}; state stays in {home}")
