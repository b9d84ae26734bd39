"""Tries a model in a process of its own: one that kills or hangs its process is found out before anything serves it.

The parent writes the job, one JSON line, to the child's standard input; the child loads the model, which scores its
golden rows and a full batch, and writes what it found, one JSON line, to its standard output.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Any

from registry.loading import load_scorer, load_to_serve
from schemas.errors import ModelRejectedError, RegistryUnavailableError
from schemas.settings import Settings

TRIAL_TIMEOUT_S = 60
"""How long a trial may take, the imports of its libraries included."""
CHECK = "trial"
"""The check that a model fails which kills or hangs its process."""

_KEPT_VARIABLES = ("TASADOR_PARAMS", "TASADOR_ALLOWED_TYPES")
"""The allow-list reads these."""


async def try_apart(settings: Settings, path: Path, *, is_whole: bool) -> None:
    """Load a model whose digest has been checked in a process of its own; when cancelled, that is killed.

    Args:
        settings: of the domain, complete: the process does not read the environment again.
        path: the model's folder.
        is_whole: load its pipeline too, as `load_scorer` does; otherwise as a consumer does.

    Raises:
        ModelRejectedError: a check failed, or ("trial") the process ended or hung.
        RegistryUnavailableError: it cannot be loaded now.
    """
    job = {"settings": settings.model_dump(mode="json", exclude={"redis_url"}), "path": str(path), "is_whole": is_whole}
    process = await _start()
    try:
        found, _ = await process.communicate(json.dumps(job).encode() + b"\n")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0 or not found:
        raise ModelRejectedError(CHECK, f"the process that tried it {_describe_exit(process.returncode or 0)}")
    result: dict[str, Any] = json.loads(found.splitlines()[-1])
    if unavailable := result.get("unavailable"):
        raise RegistryUnavailableError(unavailable)
    if check := result.get("check"):
        raise ModelRejectedError(check, result["message"])


async def _start() -> Process:
    # other variables would override the settings that the parent was started with
    environment = {n: value for n, value in os.environ.items() if not n.startswith("TASADOR_") or n in _KEPT_VARIABLES}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "registry.trial", stdin=PIPE, stdout=PIPE, env=environment
    )


def _describe_exit(status: int) -> str:
    if status == -signal.SIGALRM:
        return f"did not finish within {TRIAL_TIMEOUT_S} s"
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"


def main() -> None:
    """Try the model of the job from standard input."""
    # the default action of SIGALRM ends a process that hangs in a library without letting Python run
    signal.alarm(TRIAL_TIMEOUT_S)
    job: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not be mixed with the result
    with channel:
        channel.write(json.dumps(_try(Settings(**job["settings"]), Path(job["path"]), is_whole=job["is_whole"])) + "\n")


def _try(settings: Settings, path: Path, *, is_whole: bool) -> dict[str, str]:
    load = load_scorer if is_whole else load_to_serve
    try:
        load(path, settings.load_domain())
    except ModelRejectedError as error:
        return {"check": error.check, "message": str(error)}
    except RegistryUnavailableError as error:
        return {"unavailable": str(error)}
    return {}


if __name__ == "__main__":
    main()
