"""Runs `tasador up` in the background, apart from the terminal that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from schemas.errors import ConfigurationError, SupervisorError
from tasador.machine.log_files import last_line, read_from, supervisor_log
from tasador.machine.running_system import RunningSystem, read_running_system

_POLL_S = 0.1
_STOP_TIMEOUT_S = 100.0


class BackgroundStart:
    """A `tasador up` whose output goes to `logs/up.log` in the home folder.

    Args:
        home: folder of the system.
        arguments: options of `tasador up`.
        show: called with each line that it writes while it starts.
    """

    def __init__(self, home: Path, arguments: Sequence[str], show: Callable[[str], None]) -> None:
        self._home = home
        self._show = show
        self._log = supervisor_log(home)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._position = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tasador", "up", "--in-background", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # neither Ctrl-C nor the end of the terminal reaches it
            )

    def wait_until_started(self) -> RunningSystem:
        """Wait until everything has been started; the first training of a domain may take minutes.

        Raises:
            ConfigurationError: it ended over a mistake in the configuration.
            SupervisorError: it ended for another reason.
            KeyboardInterrupt: it has been stopped.
        """
        try:
            while True:
                if (status := self._process.poll()) is not None:
                    error = ConfigurationError if status == os.EX_CONFIG else SupervisorError
                    raise error(f"{last_line(self._log).removeprefix('tasador: ')} (see {self._log})")
                self._show_new_lines()
                system = read_running_system(self._home)
                if system is not None and system.pid == self._process.pid and system.is_started:
                    return system
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            self._process.terminate()
            self._process.wait(_STOP_TIMEOUT_S)
            self._show_new_lines()
            raise

    def _show_new_lines(self) -> None:
        lines, self._position = read_from(self._log, self._position)
        for line in lines:
            self._show(line)
