"""`tasador up` ends, instead of starting a process for ever, over a mistake that only that process finds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
BREAKS_IN_THE_CONSUMER = """
import sys
from schemas.domains.housing import Housing as BuiltIn

if "consumer" in sys.argv:
    raise ValueError("no such unit: furlongs")

class Housing(BuiltIn):
    '''The same columns.'''
"""


@pytest.mark.parametrize("options", [(), ("--detach",)])
def test_up_stops_and_names_the_process_and_the_reason(
    tmp_path: Path, redis_url: str, prefix: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "homes.py").write_text(BREAKS_IN_THE_CONSUMER)
    (tmp_path / "params.yaml").write_text("domains: {housing: {path: 'homes:Housing'}}\ntraining: {models: [linear]}\n")
    addresses = {"TASADOR_REDIS_URL": redis_url, "TASADOR_PREFIX": prefix, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tasador", "up", "--consumers", "1", *options],
        cwd=tmp_path,
        env=os.environ | addresses,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == os.EX_CONFIG, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("tasador: housing/")
    assert "consumer-1 cannot start: domain 'housing': cannot load" in last
    assert "ValueError: no such unit: furlongs" in last
    assert not [each for each in psutil.process_iter() if _is_in(each, tmp_path)], "everything was stopped"
    assert not (tmp_path / ".tasador/run.json").exists()


def _is_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder
    except psutil.Error:
        return False
