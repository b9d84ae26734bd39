"""Runs one training in a process of its own, which ends with its worker.

The worker writes the job, one JSON line, to the process's standard input and leaves it open: it closes when the worker
dies, and then the process ends. The process writes messages, JSON lines, to its standard output.
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
from training.progress import ProgressPhase

logger = logging.getLogger(__name__)

_NICENESS = 10
"""Scoring and reloads go before training."""
_MAX_LINE_BYTES = 2**20
_REASONS: dict[type[TasadorError], str] = {
    DataError: "data",
    ConfigurationError: "configuration",
    UnavailableError: "registry_unavailable",
    ModelError: "model",
}


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class ProgressMessage(_Message):
    """The training made progress, or entered the phase that the message names."""

    kind: Literal["progress"] = "progress"
    message: str
    is_phase: bool = False


class Trained(_Message):
    """The training registered a version, and the gate judged it."""

    kind: Literal["trained"] = "trained"
    version: str
    gate: GateReport


class NothingNew(_Message):
    """Nothing was trained: the champion was trained on the same data in the same way."""

    kind: Literal["nothing_new"] = "nothing_new"
    champion: str


class NotTrained(_Message):
    """The training failed: data, configuration, registry_unavailable, model, failed, or crashed."""

    kind: Literal["not_trained"] = "not_trained"
    reason: str
    message: str


_MESSAGES: TypeAdapter[ProgressMessage | Trained | NothingNew | NotTrained] = TypeAdapter(
    Annotated[ProgressMessage | Trained | NothingNew | NotTrained, Field(discriminator="kind")]
)

Result = Trained | NothingNew | NotTrained
"""How a training can end."""


async def run_job(settings: Settings, command: Retrain, on_progress: Callable[[str], None]) -> Result:
    """Train in a process of its own; when cancelled, the process is killed.

    Args:
        settings: of the worker, complete: the process does not read the environment again.
        command: names the models; the version is tagged with its id.
        on_progress: called with each progress message.
    """
    process = await _start()
    try:
        await _send(process, settings, command)
        result = await _listen(process, on_progress)
        status = await process.wait()
    finally:
        await _kill(process)
    return result or NotTrained(reason="crashed", message=f"the training process {_describe_exit(status)}, see its log")


async def _start() -> Process:
    # a variable would override the settings that the worker was started with
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TASADOR_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "training.worker.training_process",
        stdin=PIPE,
        stdout=PIPE,
        env=environment,
        limit=_MAX_LINE_BYTES,
        start_new_session=True,  # Ctrl-C stops the worker, which kills the training itself
    )


async def _send(process: Process, settings: Settings, command: Retrain) -> None:
    assert process.stdin is not None  # noqa: S101 - made with PIPE
    job = {
        "settings": settings.model_dump(mode="json", exclude={"redis_url"}),
        "command": command.model_dump(mode="json"),
    }
    try:
        process.stdin.write(json.dumps(job).encode() + b"\n")
        await process.stdin.drain()
    except ConnectionError:  # it died at once; its exit status says more
        logger.warning("training process did not read its job")


async def _listen(process: Process, on_progress: Callable[[str], None]) -> Result | None:
    assert process.stdout is not None  # noqa: S101 - made with PIPE
    result: Result | None = None
    async for line in process.stdout:
        message = _MESSAGES.validate_json(line)
        if isinstance(message, ProgressMessage):
            on_progress(ProgressPhase(message.message) if message.is_phase else message.message)
        else:
            result = message
    return result


async def _kill(process: Process) -> None:
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        # waiting closes its pipes now; otherwise they stay open until garbage collection
        await process.wait()


def _describe_exit(status: int) -> str:
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"


def main() -> None:
    """Train the job from standard input, and write messages for the worker to standard output."""
    os.nice(_NICENESS)
    job: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_worker, daemon=True).start()
    with _take_over_stdout() as worker:

        def send(message: _Message) -> None:
            worker.write(message.model_dump_json() + "\n")
            worker.flush()

        try:
            send(train_job(job, lambda text: send(_progress_message(text))))
        except TasadorError as error:
            reason = next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), "failed")
            send(NotTrained(reason=reason, message=str(error)))


def train_job(job: dict[str, Any], on_progress: Callable[[str], None]) -> Trained | NothingNew:
    """Train in this process; `job` has the `settings` and the `command` as JSON.

    Raises:
        TasadorError: the training failed.
    """
    from service.logs import configure
    from training.retraining import Unchanged, retrain
    from training.trigger import Trigger

    settings = Settings(**job["settings"])
    configure(settings)
    command = Retrain.model_validate(job["command"])
    result = retrain(settings, command.data, Trigger.of_command(command), on_progress)
    if isinstance(result, Unchanged):
        return NothingNew(champion=result.champion)
    return Trained(version=result.version, gate=result.gate)


def _progress_message(text: str) -> ProgressMessage:
    return ProgressMessage(message=str(text), is_phase=isinstance(text, ProgressPhase))


def _end_with_worker() -> None:
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def _take_over_stdout() -> TextIO:
    """The channel to the worker; what libraries print to standard output goes to standard error, as the log does."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return channel


if __name__ == "__main__":
    main()
