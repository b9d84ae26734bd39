"""A home folder of its own, the commands that run in it, and the processes that they leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil

from schemas.streams import Streams
from transport.connection import connect

ANSWER_S, END_S = 180, 300
"""How long a command may wait for an answer, and take: only so that a test that hangs ends."""


class Installation:
    """A home folder, and the commands that run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / ".tasador"
        # the fastest recipe, because other tests cover training
        self.environment = os.environ | {"TASADOR_TRAINING__MODELS": '["linear"]', "TASADOR_TRAINING__SECONDS": "4"}
        paths = filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")))
        self.environment["PYTHONPATH"] = os.pathsep.join(paths)

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Tasador; one that waits for an answer gives the system time to find it on slow cores."""
        patient = ("--timeout", str(ANSWER_S)) if "--wait" in arguments and "--timeout" not in arguments else ()
        return self._run("-m", "tasador", *arguments, *patient)

    def run_python(self, program: str) -> subprocess.CompletedProcess[str]:
        return self._run("-c", program)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=END_S, check=False
        )

    def read(self, *arguments: str) -> Any:
        done = self.call(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def scored(self) -> int:
        url = json.loads((self.home / "run.json").read_text(encoding="utf-8"))["redis_url"]
        with connect(url) as client:
            return int(client.hget(Streams("housing").progress, "scored") or 0)

    def pids(self) -> list[int]:
        """Process ids of everything that runs in this folder."""
        return [process.pid for process in psutil.process_iter() if _runs_in(process, self.folder)]

    @contextmanager
    def up(self, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        """Run `tasador up` with one consumer; it is killed at the end if it is still running."""
        command = [sys.executable, "-m", "tasador", "up", "--consumers", "1"]
        with subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log) as process:
            try:
                yield process
            finally:
                process.kill()

    def read_log(self, log: IO[bytes]) -> str:
        return Path(log.name).read_text(encoding="utf-8")


def _runs_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(folder)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
