"""Requests to the running system over a socket in its home folder, which only the folder's owner can use.

A request and its answer are one line of JSON each. The system answers between two looks at its processes, so a request
only begins what takes long; the sender watches `run.json` for the rest.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

from pydantic import ValidationError

from schemas.errors import ConfigurationError, SupervisorError, TasadorError
from schemas.frozen_model import FrozenModel

_FILE = "control.sock"
_LONGEST_ADDRESS = 100
_LONGEST_BYTES = 65_536
_ANSWER_TIMEOUT_S = 90.0
"""Longer than the system takes to stop the processes of a domain."""
_SENDER_TIMEOUT_S = 2.0


class ControlRequest(FrozenModel):
    """What the running system shall do.

    Attributes:
        verb: `add` or `remove` a domain, or `restart` a process.
        target: a domain, or the label of a process.
        consumers: number for a domain that is added.
    """

    verb: Literal["add", "remove", "restart"]
    target: str
    consumers: int = 2


class ControlAnswer(FrozenModel):
    """What became of a request.

    Attributes:
        error: why it was refused; empty if it was accepted.
    """

    error: str = ""


class ControlSocket:
    """The running system's end of the socket; use it in a `with` block, while holding the `HomeLock`.

    Args:
        home: folder of the system.

    Raises:
        ConfigurationError: the folder is on a file system without sockets; entering the block raises it.
    """

    def __init__(self, home: Path) -> None:
        self._home = home.absolute()
        self._listener = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Self:
        # a killed system leaves its socket behind
        (self._home / _FILE).unlink(missing_ok=True)
        try:
            with _short_path(self._home) as path:
                self._listener.bind(path)
            (self._home / _FILE).chmod(0o600)
        except OSError as error:
            raise ConfigurationError(f"{self._home}: cannot hold a socket: {error.strerror}") from error
        return self

    def open(self) -> None:
        """Accept requests from now on. Before, a sender gets the reply that the system is still starting."""
        self._listener.listen()

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        (self._home / _FILE).unlink(missing_ok=True)

    def serve_one(self, carry_out: Callable[[ControlRequest], None], wait_s: float) -> None:
        """Wait for a request at most `wait_s` seconds, carry it out and answer; a TasadorError becomes the answer."""
        if not select.select([self._listener], [], [], wait_s)[0]:
            return
        sender, _ = self._listener.accept()
        with sender:
            sender.settimeout(_SENDER_TIMEOUT_S)
            try:
                answer = _carry_out(_read_line(sender), carry_out)
                sender.sendall(answer.model_dump_json().encode() + b"\n")
            except OSError:
                return  # the sender has gone, or is too slow


def send_request(home: Path, request: ControlRequest) -> None:
    """Send a request to the running system, and return once it has accepted it.

    Raises:
        SupervisorError: the system refused it, is still starting, or has ended.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_TIMEOUT_S)
            with _short_path(home.absolute()) as path:
                connection.connect(path)
            connection.sendall(request.model_dump_json().encode() + b"\n")
            answer = ControlAnswer.model_validate_json(_read_line(connection))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise SupervisorError(
            f"the system in {home} takes no requests: it is still starting, or is no `tasador up`"
        ) from error
    except (OSError, ValidationError) as error:
        raise SupervisorError(f"the system in {home} did not answer: see `tasador status`") from error
    if answer.error:
        raise SupervisorError(answer.error)


def _carry_out(line: bytes, carry_out: Callable[[ControlRequest], None]) -> ControlAnswer:
    try:
        carry_out(ControlRequest.model_validate_json(line))
    except ValidationError as error:
        return ControlAnswer(error=f"not a request of this version of tasador: {error.errors()[0]['msg']}")
    except TasadorError as error:
        return ControlAnswer(error=str(error))
    return ControlAnswer()


def _read_line(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as file:
        return file.readline(_LONGEST_BYTES)


@contextmanager
def _short_path(home: Path) -> Iterator[str]:
    """An address of the socket; it may have about a hundred bytes, while a home folder's path may be longer.

    Raises:
        SupervisorError: it is too long, and there is no /proc to shorten it.
    """
    path = home / _FILE
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    if not Path("/proc/self/fd").exists():
        raise SupervisorError(f"{home}: the path is too long for a socket: set TASADOR_HOME to a shorter one")
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{_FILE}"
    finally:
        os.close(folder)
