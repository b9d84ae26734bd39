"""Runs a command line of the product in the test's process, which has imported what it needs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tasador.__main__ import main


def type_here(
    folder: Path, environment: Mapping[str, str], capfd: pytest.CaptureFixture[str], *words: str
) -> subprocess.CompletedProcess[str]:
    """Run `tasador` with these arguments in `folder`; it exits as a process of its own would.

    A test that shows how processes start, end or load a changed module needs a process of its own instead.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["tasador", *words])
        patch.setattr(sys, "path", [*sys.path])
        for name, value in environment.items():
            patch.setenv(name, value)
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capfd.readouterr()
    return subprocess.CompletedProcess(["tasador", *words], int(stopped.value.code or 0), printed.out, printed.err)
