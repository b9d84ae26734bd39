"""Runs DVC commands in one process, because starting DVC takes a second or two.

Each line of input is a folder and arguments, in JSON; each line of output is the exit code and the command's output.
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
    """The process that runs DVC commands, started by `dvc_session`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, folder: Path, *arguments: str) -> str:
        """Run a command, and return its standard output."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([str(folder), list(arguments)]) + "\n")
        self._process.stdin.flush()
        code, output = json.loads(self._process.stdout.readline())
        assert code == 0, output
        return str(output)


@contextlib.contextmanager
def dvc_session(environment: Mapping[str, str]) -> Iterator[DvcSession]:
    """Start a session with additional environment variables; it ends with the block."""
    command = [sys.executable, __file__]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=os.environ | environment, stdin=pipe, stdout=pipe, text=True) as process:
        yield DvcSession(process)


def main() -> None:
    """Run commands until the input ends."""
    from dvc.cli import main as dvc

    results = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        folder, arguments = json.loads(line)
        # stages are processes, which write to the file descriptor and not to Python's stream
        with tempfile.TemporaryFile() as output, contextlib.chdir(folder):
            os.dup2(output.fileno(), 1)
            code = dvc(arguments)
            sys.stdout.flush()
            output.seek(0)
            results.write(json.dumps([code, output.read().decode()]) + "\n")
            results.flush()


if __name__ == "__main__":
    main()
