"""The whole system on one machine: starts Redis and all processes, restarts them, and stops them in order."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence

from pydantic import SecretStr

from registry.location import database_of, tracking_uri_of
from schemas.errors import ConfigurationError, RedisUnavailableError
from schemas.settings import Settings
from tasador.cli.names import host_name
from tasador.machine.home import process_environment
from tasador.machine.private_redis import PrivateRedis
from tasador.machine.processes import ManagedProcess
from tasador.machine.running_system import (
    RunningSystem,
    open_redis,
    redis_url,
    remove_running_system,
    write_running_system,
)
from tasador.machine.supervision import tasador_command
from transport.server import check_server

STOP_TIMEOUT_S = 20.0
_POLL_S = 0.1


class System:
    """The processes of some domains in one home folder. The caller must hold the folder's `HomeLock`.

    Args:
        settings: with the home folder; if they name no Redis, a private one is started.
        domains: names of the domains to run.
        consumers: number for each domain.
        notify: called with each message for the operator.

    Attributes:
        settings: completed by the private Redis's address once it runs.
        redis: the private Redis; None if the settings name another.
        processes: in the order of starting.
    """

    def __init__(
        self, settings: Settings, domains: Sequence[str], consumers: int, notify: Callable[[str], None]
    ) -> None:
        if settings.prefix and len(domains) > 1:
            raise ConfigurationError(f"TASADOR_PREFIX works for one domain, not for {len(domains)}: unset it")
        self.settings = settings
        self.redis = None if settings.redis_url else PrivateRedis(settings.home / "redis")
        self.processes: list[ManagedProcess] = []
        self._domains = tuple(domains)
        self._consumers = consumers
        self._notify = notify

    def start_redis(self) -> None:
        """Start the private Redis, or check the one in the settings.

        Raises:
            ConfigurationError: there is no suitable redis-server.
            ServerError: the server in the settings cannot be used.
            RedisUnavailableError: Redis does not answer.
        """
        if self.redis is not None:
            self.redis.start()
            self.settings = self.settings.model_copy(update={"redis_url": SecretStr(self.redis.url)})
        with open_redis(self.settings) as client:
            for domain in self._domains:
                check_server(client, self.settings.for_domain(domain).streams)
        self.write_running_system()

    def start_consumers(self) -> None:
        """Start the consumers, which wait for a model."""
        for domain in self._domains:
            for number in range(1, self._consumers + 1):
                self._start(domain, "consumer", f"consumer-{number}")
        self.write_running_system()

    def start_trainers(self) -> None:
        """Start the training workers, which activate the champion."""
        for domain in self._domains:
            self._start(domain, "trainer", "trainer")
        self.write_running_system()

    def start_monitors(self) -> None:
        """Start the monitors, which wait for a model."""
        for domain in self._domains:
            self._start(domain, "monitor", "monitor")
        self.write_running_system()

    def start(self) -> None:
        """Start everything, and train a champion for each domain that has none. Raises the errors of `start_redis`."""
        self.start_redis()
        self.start_consumers()
        if self._has_registry():
            self.start_trainers()
            self.ensure_champions()
        else:  # two processes must not create the same SQLite store
            self.ensure_champions()
            self.start_trainers()
        self.start_monitors()

    def ensure_champions(self) -> None:
        """Train a champion quickly for each domain that has none; notify the operator if that fails."""
        for domain in self._domains:
            if self._has_registry() and self._has_active_model(domain):
                continue
            if self._run_command("train", "--quick", "--unless-champion", "--domain", domain) != 0:
                self._notify(f"{domain} has no model: its consumers wait until `tasador train` promotes one")

    def write_running_system(self) -> None:
        """Write `run.json`, so that other commands find this system."""
        system = RunningSystem(
            pid=os.getpid(),
            redis_url=redis_url(self.settings),
            mlflow_uri=tracking_uri_of(self.settings),
            parts={process.label: process.url for process in self.processes},
        )
        write_running_system(self.settings.home, system)

    def wait_until_ready(self, timeout_s: float) -> list[ManagedProcess]:
        """Wait until every process is ready; returns those that are not ready after the timeout."""
        deadline = time.monotonic() + timeout_s
        while waiting := [process for process in self.processes if not process.is_ready]:
            if time.monotonic() > deadline:
                break
            self.watch()
            time.sleep(_POLL_S)
        return waiting

    def watch(self) -> None:
        """Restart processes that ended, and notify the operator; call it several times a second.

        Raises:
            RedisUnavailableError: the private Redis ended and cannot be restarted on its port.
        """
        if self.redis is not None and not self.redis.is_running:
            self._notify(f"redis ended (see {self.redis.log}); restarting")
            self.redis.start()
            if self.redis.url != redis_url(self.settings):
                raise RedisUnavailableError(
                    "another program took the port of the private Redis: start the system again"
                )
        messages = [message for process in self.processes if (message := process.restart_if_due())]
        for message in messages:
            self._notify(message)
        if messages:
            self.write_running_system()

    def stop(self) -> None:
        """Stop monitors, then consumers, then trainers, then Redis; KeyboardInterrupt kills the processes at once."""
        try:
            for command in ("monitor", "consumer", "trainer"):
                self._stop([process for process in self.processes if process.command == command])
        except KeyboardInterrupt:
            self._notify("interrupted again: killing all processes")
            for process in self.processes:
                process.kill()
        finally:
            remove_running_system(self.settings.home)
            if self.redis is not None:
                self.redis.stop()

    def _has_active_model(self, domain: str) -> bool:
        """Whether a model was activated before; checked first, because importing the registry is slow."""
        with open_redis(self.settings) as client:
            return bool(client.exists(self.settings.for_domain(domain).streams.model))

    def _has_registry(self) -> bool:
        """Whether there may be models; opening an SQLite store would create it, which is slow."""
        database = database_of(tracking_uri_of(self.settings))
        return database is None or database.exists()

    def _start(self, domain: str, command: str, name: str) -> None:
        # a shared Redis requires names that no other machine has
        unique_name = name if self.redis is not None else f"{host_name()}-{name}"
        process = ManagedProcess(
            domain,
            command,
            unique_name,
            logs=self.settings.home / "logs",
            host=self.settings.host,
            environment=process_environment(self.settings),
        )
        process.start()
        self.processes.append(process)

    def _stop(self, processes: Sequence[ManagedProcess]) -> None:
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for process in processes:
            if not process.wait(deadline):
                self._notify(f"{process.label} did not stop within {STOP_TIMEOUT_S:g} s: killed (see {process.log})")
                process.kill()

    def _run_command(self, *arguments: str) -> int:
        command, environment = tasador_command(*arguments), process_environment(self.settings)
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as process:
            return process.wait()
