"""A check that could not be made does not look like one that passed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
GOOD = {"name": "good", "version": "1", "vulns": []}
WEAK = {"name": "weak", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "odd", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("found", "status", "said"),
    [
        ([GOOD], 0, "1 of 2 packages audited, 0 with known weaknesses"),
        ([GOOD, WEAK], 1, "weak 2: CVE-1, mended by 3"),
        ([UNKNOWN], 0, "SKIPPED"),
        (None, 0, "SKIPPED"),
    ],
)
def test_weaknesses_fail_and_silence_is_told(
    tmp_path: Path, found: list[dict[str, Any]] | None, status: int, said: str
) -> None:
    tool, lock = tmp_path / "pip-audit", tmp_path / "some.lock"
    answer = "no network" if found is None else json.dumps({"dependencies": found})
    tool.write_text(f"#!/bin/sh\ncat <<'EOF'\n{answer}\nEOF\n", encoding="utf-8")
    tool.chmod(0o755)
    lock.write_text("good==1 \\\n    --hash=sha256:0\nweak==2 ; python_version < '3.13' \\\n", encoding="utf-8")
    command = [sys.executable, str(ROOT / ".ci" / "audit"), str(tool), str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
