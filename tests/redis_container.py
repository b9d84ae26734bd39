"""A private Redis in a container, with the interface of `tests.redis_server.RedisServer`."""

from __future__ import annotations

from pathlib import Path

import redis.exceptions
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from tests.docker_engine import TIMEOUT_S
from tests.waiting import wait_until
from transport.connection import connect, is_transient

_FOLDER = "/own"
_PORT = 6379


class RedisContainer:
    """One container of an image of Redis or Valkey.

    Args:
        image: the engine must have it (see `tests.docker_engine.require_image`).
        folder: mounted at `{folder}`; None if no option names a file.
        options: as of `RedisServer`; without any, the image's own command runs.
        url: the address for clients, with `{port}` for its port on 127.0.0.1.
    """

    def __init__(self, image: str, folder: Path | None, *options: str, url: str = "redis://127.0.0.1:{port}/0") -> None:
        # the reaper is a second image to pull; tests stop their containers themselves
        testcontainers_config.ryuk_disabled = True
        self._url, self._is_created = url, False
        self._container = DockerContainer(image, docker_client_kw={"timeout": TIMEOUT_S}).with_exposed_ports(_PORT)
        if folder is not None:
            folder.chmod(0o755)  # the server may run as another user
            self._container.with_volume_mapping(str(folder), _FOLDER, "ro")
        if options:
            program = "valkey-server" if "valkey" in image else "redis-server"
            arguments = [option.format(folder=_FOLDER, port=_PORT) for option in options]
            command = [program, "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", *arguments]  # noqa: S104
            self._container.with_command(command)

    @property
    def url(self) -> str:
        """Its address for clients; it changes when the container starts again."""
        return self._url.format(port=self._container.get_exposed_port(_PORT))

    def start(self) -> None:
        """Create the container, or restart it; returns when Redis answers."""
        if self._is_created:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._is_created = True
        wait_until(self._answers, message="Redis in its container answers")

    def kill(self) -> None:
        """Kill Redis; its data stay."""
        self._container.get_wrapped_container().kill()

    def stop(self) -> None:
        """Remove the container."""
        if self._is_created:
            self._container.stop()
        self._container.get_docker_client().client.close()

    def _answers(self) -> bool:
        with connect(self.url, timeout_s=1) as client:
            try:
                return bool(client.ping())
            except redis.exceptions.RedisError as error:
                # a server that requires a password answers too
                return not is_transient(error)
