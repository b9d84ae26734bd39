"""A training run as a process of its own: what the worker gives it, hears from it, and that it dies with its worker.

The worker writes one JSON line, the job, to the process's standard input and leaves it open: when it closes, the worker
is gone, however it died, and the process ends. What the process has to say comes back as JSON lines.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import Annotated, Any, Literal, TextIO

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from schemas.commands import Retrain
from schemas.errors import ConfigurationError, DataError, ModelError, TasadorError, UnavailableError
from schemas.settings import Settings
from training.gate.report import GateReport
from training.worker.command_parsing import override_of

logger = logging.getLogger(__name__)

_NICENESS = 10
"""The system serves scoring and reloads before it serves training."""
_LONGEST_LINE = 2**20
_REASONS: dict[type[TasadorError], str] = {
    DataError: "data",
    ConfigurationError: "configuration",
    UnavailableError: "registry_unavailable",
    ModelError: "model",
}


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True)


class ProgressMessage(_Said):
    """The run goes on."""

    kind: Literal["progress"] = "progress"
    message: str


class Trained(_Said):
    """The run registered a version, and the gate judged it."""

    kind: Literal["trained"] = "trained"
    version: str
    gate: GateReport


class NothingNew(_Said):
    """The run trained nothing: the champion was made from the same data in the same way."""

    kind: Literal["nothing_new"] = "nothing_new"
    champion: str


class NotTrained(_Said):
    """The run came to nothing: data, configuration, registry_unavailable, model, or crashed."""

    kind: Literal["not_trained"] = "not_trained"
    reason: str
    message: str


_SAID: TypeAdapter[ProgressMessage | Trained | NothingNew | NotTrained] = TypeAdapter(
    Annotated[ProgressMessage | Trained | NothingNew | NotTrained, Field(discriminator="kind")]
)


Result = Trained | NothingNew | NotTrained
"""How a run can end."""


async def run_job(settings: Settings, command: Retrain, on_progress: Callable[[str], None]) -> Result:
    """Train in a process of its own; when cancelled, the process is killed.

    Args:
        settings: those of the worker, whole: the environment does not count again.
        command: what is to be trained; the version is tagged with its id.
        on_progress: is told what the run says about itself.
    """
    process = await _start()
    try:
        await _send(process, settings, command)
        result = await _listen(process, on_progress)
        status = await process.wait()
    finally:
        await _kill(process)
    return result or NotTrained(reason="crashed", message=f"the training process {_how_it_ended(status)}, see its log")


async def _start() -> Process:
    # settings travel as a whole; a variable would win over what the worker was started with
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TASADOR_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "training.worker.training_process",
        stdin=PIPE,
        stdout=PIPE,
        env=environment,
        limit=_LONGEST_LINE,
        start_new_session=True,  # Ctrl-C is for the worker, which ends the run itself
    )


async def _send(process: Process, settings: Settings, command: Retrain) -> None:
    assert process.stdin is not None  # noqa: S101 - asked for with PIPE
    job = {
        "settings": settings.model_dump(mode="json", exclude={"redis_url"}),
        "command": command.model_dump(mode="json"),
    }
    try:
        process.stdin.write(json.dumps(job).encode() + b"\n")
        await process.stdin.drain()
    except ConnectionError:  # it died at once; its exit status tells more
        logger.warning("The training process did not take its job")


async def _listen(process: Process, on_progress: Callable[[str], None]) -> Result | None:
    assert process.stdout is not None  # noqa: S101 - asked for with PIPE
    result: Result | None = None
    async for line in process.stdout:
        said = _SAID.validate_json(line)
        if isinstance(said, ProgressMessage):
            on_progress(said.message)
        else:
            result = said
    return result


async def _kill(process: Process) -> None:
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        # its pipes are closed when it is gone, and not when the garbage collector comes by
        await process.wait()


def _how_it_ended(status: int) -> str:
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"


def main() -> None:
    """Train as standard input says; every word to standard output is for the worker."""
    os.nice(_NICENESS)
    job: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_worker, daemon=True).start()
    with _only_for_worker() as worker:

        def say(said: _Said) -> None:
            worker.write(said.model_dump_json() + "\n")
            worker.flush()

        try:
            say(_train(job, lambda message: say(ProgressMessage(message=message))))
        except TasadorError as error:
            reason = next((word for kind, word in _REASONS.items() if isinstance(error, kind)), "failed")
            say(NotTrained(reason=reason, message=str(error)))


def _train(job: dict[str, Any], progress: Callable[[str], None]) -> Trained | NothingNew:
    from service.logs import configure
    from training.retraining import Unchanged, retrain
    from training.trigger import Trigger

    settings = Settings(**job["settings"])
    configure(settings)
    command = Retrain.model_validate(job["command"])
    occasion = Trigger("command", command.id, override_of(command))
    result = retrain(settings, command.data, occasion, progress)
    if isinstance(result, Unchanged):
        return NothingNew(champion=result.champion)
    return Trained(version=result.version, gate=result.gate)


def _end_with_worker() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def _only_for_worker() -> TextIO:
    """Standard output for the worker alone; what libraries print goes where the log goes."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return channel


if __name__ == "__main__":
    main()
