"""Requests to the running system over its socket."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import ConfigurationError, SupervisorError
from tasador.machine.control import ControlRequest, ControlSocket, send_request

RESTART = ControlRequest(verb="restart", target="housing/trainer")


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ControlSocket]:
    """The socket of a home folder in which a killed system has left one."""
    with ControlSocket(tmp_path):
        left = (tmp_path / "control.sock").rename(tmp_path / "left")
    left.rename(tmp_path / "control.sock")
    with ControlSocket(tmp_path) as socket:
        yield socket


def _serve(control: ControlSocket, error: Exception | None = None) -> list[ControlRequest]:
    """Serve one request in a thread; returns the list in which it will be."""
    received: list[ControlRequest] = []

    def carry_out(request: ControlRequest) -> None:
        received.append(request)
        if error:
            raise error

    control.open()
    threading.Thread(target=control.serve_one, args=(carry_out, 10.0)).start()
    return received


def test_a_request_is_carried_out_before_it_is_answered(control: ControlSocket, tmp_path: Path) -> None:
    received = _serve(control)
    send_request(tmp_path, RESTART)
    assert received == [RESTART]


def test_a_refusal_is_an_error_of_the_sender(control: ControlSocket, tmp_path: Path) -> None:
    _serve(control, ConfigurationError("params.yaml: no_such_key: there is no such setting"))
    with pytest.raises(SupervisorError, match=r"^params.yaml: no_such_key: there is no such setting$"):
        send_request(tmp_path, RESTART)


@pytest.mark.usefixtures("control")
def test_a_system_that_is_still_starting_takes_no_requests(tmp_path: Path) -> None:
    with pytest.raises(SupervisorError, match="it is still starting"):
        send_request(tmp_path, RESTART)


def test_only_the_owner_may_send_requests(control: ControlSocket, tmp_path: Path) -> None:
    control.open()
    assert stat.S_IMODE((tmp_path / "control.sock").stat().st_mode) == 0o600


def test_a_long_path_of_the_home_folder_is_no_obstacle(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 40)
    home.mkdir()
    with ControlSocket(home) as control:
        received = _serve(control)
        send_request(home, RESTART)
    assert received == [RESTART]
    assert list(home.iterdir()) == []
