"""A reader who has started the system and types into a second terminal, in a folder of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import pandas as pd

from schemas.domain import load_domain
from schemas.streams import Streams
from tasador.machine.redis_binary import find_binary
from tests.models import SmallModel
from tests.waiting import wait_until
from transport.connection import connect

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 120
# small trainings, whose figures any machine may judge
_SETTINGS = {
    "TASADOR_TRAINING__FOLDS": "3",
    "TASADOR_TRAINING__REPEATS": "1",
    "TASADOR_TRAINING__REPORT": "figures",
    "TASADOR_SWAP__MAX_US_PER_ROW": "1000",
    "TASADOR_GATE__MIN_LOWER_BOUND": "-9",
    "TASADOR_GATE__MAX_SEGMENT_LOSS": "9",
    "COLUMNS": "120",
}


@dataclass(frozen=True)
class Typed:
    """What came of a command: its exit code, and both of its outputs."""

    exit_code: int
    output: str


class Reader:
    """Types commands in a folder whose system runs.

    Args:
        folder: where the reader is; holds `homes.csv`, `A.csv`, `B.csv`, and the home folder.
        champion: of housing, in that home folder.
    """

    def __init__(self, folder: Path, champion: SmallModel) -> None:
        self.folder = folder
        self.home = folder / ".tasador"
        own = folder / "bin"
        own.mkdir()
        paths = [str(own), str(Path(sys.executable).parent), os.environ["PATH"]]
        python_path = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
        self.environment = os.environ | _SETTINGS
        self.environment |= {"PATH": os.pathsep.join(paths), "PYTHONPATH": os.pathsep.join(python_path)}
        rows = pd.DataFrame(load_domain("housing").contract.built_in_table())
        for name, part in (("homes", rows), ("A", rows[:300]), ("B", rows[300:])):
            part.to_csv(folder / f"{name}.csv", index=False)
        champion.in_copy(self.home)

    @contextmanager
    def running_system(self) -> Iterator[None]:
        """Run the system from start to a clean stop."""
        log = self.folder / "up.log"
        with log.open("wb") as file:
            system = self._start("tasador up --consumers 1", file, file)
        try:
            wait_until(lambda: "second terminal" in log.read_text(encoding="utf-8"), TIMEOUT_S, "the system runs")
            with connect(self.redis_url) as client:
                heartbeat = Streams("housing").consumers
                wait_until(lambda: b'"running"' in b"".join(client.hvals(heartbeat)), TIMEOUT_S, "a consumer runs")
            self._write_redis_cli()
            yield
            system.send_signal(signal.SIGTERM)
            assert system.wait(TIMEOUT_S) == 0, log.read_text(encoding="utf-8")
        finally:
            system.kill()
            system.wait()

    @property
    def redis_url(self) -> str:
        """The address of the system's Redis."""
        return str(json.loads((self.home / "run.json").read_text(encoding="utf-8"))["redis_url"])

    def type(self, command: str) -> Typed:
        """Run a command in a shell to its end."""
        process = self._start(command, subprocess.PIPE, subprocess.STDOUT)
        try:
            output, _ = process.communicate(timeout=TIMEOUT_S)
        finally:
            process.kill()
        return Typed(process.returncode, output.decode())

    def follow(self, command: str, is_shown: Callable[[str], object]) -> Typed:
        """Run a command until its output shows something, then press Ctrl-C."""
        log = self.folder / "followed.log"
        with log.open("wb") as file:
            process = self._start(command, file, subprocess.STDOUT)
        try:
            wait_until(lambda: is_shown(log.read_text(encoding="utf-8")), TIMEOUT_S, f"{command} shows it")
            process.send_signal(signal.SIGINT)
            return Typed(process.wait(TIMEOUT_S), log.read_text(encoding="utf-8"))
        finally:
            process.kill()
            process.wait()

    def run_program(self, text: str) -> Typed:
        """Run a Python program from a file of its own."""
        (self.folder / "program.py").write_text(text, encoding="utf-8")
        return self.type("python program.py")

    def _start(self, command: str, out: int | IO[bytes], error: int | IO[bytes]) -> subprocess.Popen[bytes]:
        # exec: signals reach the command and not the shell; a pipeline needs the shell
        typed = command if "|" in command else f"exec {command}"
        return subprocess.Popen(["bash", "-c", typed], cwd=self.folder, env=self.environment, stdout=out, stderr=error)

    def _write_redis_cli(self) -> None:
        """A redis-cli that speaks to the system's Redis, where the server comes with one."""
        program = find_binary().with_name("redis-cli")
        found = str(program) if program.is_file() else shutil.which("redis-cli")
        if found:
            script = self.folder / "bin" / "redis-cli"
            script.write_text(f'#!/bin/sh\nexec "{found}" -p {urlsplit(self.redis_url).port} "$@"\n', encoding="utf-8")
            script.chmod(0o755)

    @property
    def has_redis_cli(self) -> bool:
        """Whether `redis-cli` can be typed."""
        return (self.folder / "bin" / "redis-cli").exists()
