"""Runs commands of DVC one after the other in one process, since each alone would take a second or two to start.

A line of standard input is a folder and the arguments, in JSON; a line of the answer is the exit code and the output.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path


class DvcSession:
    """The process that runs them. Start it with `dvc_session`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, folder: Path, *arguments: str) -> str:
        """What a command printed on standard output."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([str(folder), list(arguments)]) + "\n")
        self._process.stdin.flush()
        code, told = json.loads(self._process.stdout.readline())
        assert code == 0, told
        return str(told)


@contextlib.contextmanager
def dvc_session(environment: Mapping[str, str]) -> Iterator[DvcSession]:
    """A session with these variables beside those of this process; it ends with the block."""
    command = [sys.executable, __file__]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=os.environ | environment, stdin=pipe, stdout=pipe, text=True) as process:
        yield DvcSession(process)


def main() -> None:
    """Answer until the input ends."""
    from dvc.cli import main as dvc

    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        folder, arguments = json.loads(line)
        # stages are processes and write to the descriptor, not to Python's stream
        with tempfile.TemporaryFile() as told, contextlib.chdir(folder):
            os.dup2(told.fileno(), 1)
            code = dvc(arguments)
            sys.stdout.flush()
            told.seek(0)
            answers.write(json.dumps([code, told.read().decode()]) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
