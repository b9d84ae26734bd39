"""The audit reports what it could not check, which does not look like a passed check."""

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
    ("dependencies", "status", "message"),
    [
        ([GOOD], 0, "1 of 2 packages audited, 0 with known vulnerabilities"),
        ([GOOD, WEAK], 1, "weak 2: CVE-1, fixed by 3"),
        ([UNKNOWN], 0, "SKIPPED"),
        (None, 0, "SKIPPED"),
    ],
)
def test_vulnerabilities_fail_and_skipped_checks_are_reported(
    tmp_path: Path, dependencies: list[dict[str, Any]] | None, status: int, message: str
) -> None:
    tool, lock = tmp_path / "pip-audit", tmp_path / "some.lock"
    output = "no network" if dependencies is None else json.dumps({"dependencies": dependencies})
    tool.write_text(f"#!/bin/sh\ncat <<'EOF'\n{output}\nEOF\n", encoding="utf-8")
    tool.chmod(0o755)
    lock.write_text("good==1 \\\n    --hash=sha256:0\nweak==2 ; python_version < '3.13' \\\n", encoding="utf-8")
    command = [sys.executable, str(ROOT / ".ci" / "audit"), str(tool), str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, message in done.stderr) == (status, True), done.stderr
