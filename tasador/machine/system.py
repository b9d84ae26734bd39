"""The whole system on one machine: Redis and all parts as processes, started, watched, and stopped in order."""

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
from tasador.machine.home import environment_of
from tasador.machine.private_redis import PrivateRedis
from tasador.machine.processes import ManagedProcess
from tasador.machine.running_system import (
    RunningSystem,
    open_redis,
    redis_url,
    remove_running_system,
    write_running_system,
)
from tasador.machine.supervision import part_command
from transport.connection import speaking_to
from transport.server import check_server

STOP_TIMEOUT_S = 20.0
_POLL_S = 0.1


class System:
    """The parts of some domains in one home folder; whoever runs it holds the home's lock.

    Args:
        settings: with the home folder; where they name no Redis, a private one is started.
        domains: names of the domains to run.
        consumers: how many for each domain.
        tell: is told, in a line, what a person should know.

    Attributes:
        settings: completed by the address of the private Redis once that runs.
        redis: the private Redis, None where the settings name another.
        parts: what was started, in the order of starting.
    """

    def __init__(self, settings: Settings, domains: Sequence[str], consumers: int, tell: Callable[[str], None]) -> None:
        if settings.prefix and len(domains) > 1:
            raise ConfigurationError(f"TASADOR_PREFIX serves one domain, and {len(domains)} are to run: unset it")
        self.settings = settings
        self.redis = None if settings.redis_url else PrivateRedis(settings.home / "redis")
        self.parts: list[ManagedProcess] = []
        self._domains = tuple(domains)
        self._consumers = consumers
        self._tell = tell

    def start_redis(self) -> None:
        """Start the private Redis, or check the one that is named.

        Raises:
            ConfigurationError: there is no redis-server here, or the named one cannot keep the promises.
            RedisUnavailableError: it does not answer.
        """
        if self.redis is not None:
            self.redis.start()
            self.settings = self.settings.model_copy(update={"redis_url": SecretStr(self.redis.url)})
        with speaking_to(redis_url(self.settings)), open_redis(self.settings) as client:
            for domain in self._domains:
                check_server(client, self.settings.for_domain(domain).streams)
        self.write_running_system()

    def start_consumers(self) -> None:
        """Start the consumers; they wait for a model."""
        for domain in self._domains:
            for number in range(1, self._consumers + 1):
                self._start(domain, "consumer", f"consumer-{number}")
        self.write_running_system()

    def start_trainers(self) -> None:
        """Start the training workers; they activate the champion."""
        for domain in self._domains:
            self._start(domain, "trainer", "trainer")
        self.write_running_system()

    def start_monitors(self) -> None:
        """Start the monitors; they wait for a model."""
        for domain in self._domains:
            self._start(domain, "monitor", "monitor")
        self.write_running_system()

    def start(self) -> None:
        """Start everything, and train a champion for each domain that has none.

        Raises:
            ConfigurationError: as `start_redis`.
            RedisUnavailableError: as `start_redis`.
        """
        self.start_redis()
        self.start_consumers()
        if self._has_registry():
            self.start_trainers()
            self.ensure_champions()
        else:  # two processes must not create one SQLite store
            self.ensure_champions()
            self.start_trainers()
        self.start_monitors()

    def ensure_champions(self) -> None:
        """Train a champion, quickly, for each domain that has none; one without data of its own is left without."""
        for domain in self._domains:
            if self._has_registry() and self._is_served(domain):
                continue
            if self._run_command("train", "--quick", "--unless-champion", "--domain", domain) != 0:
                self._tell(f"{domain} has no model: its consumers wait until `tasador train` has made a champion")

    def write_running_system(self) -> None:
        """Tell the other commands where everything is."""
        run = RunningSystem(
            pid=os.getpid(),
            redis_url=redis_url(self.settings),
            mlflow_uri=tracking_uri_of(self.settings),
            parts={part.label: part.url for part in self.parts},
        )
        write_running_system(self.settings.home, run)

    def wait_until_ready(self, timeout_s: float) -> list[ManagedProcess]:
        """Wait until every part says that it is ready; returns those that are not by then."""
        deadline = time.monotonic() + timeout_s
        while waiting := [part for part in self.parts if not part.is_ready]:
            if time.monotonic() > deadline:
                break
            self.watch()
            time.sleep(_POLL_S)
        return waiting

    def watch(self) -> None:
        """Start again what has died, and tell; call it every now and then.

        Raises:
            RedisUnavailableError: the private Redis died and cannot be started where it was.
        """
        if self.redis is not None and not self.redis.is_running:
            self._tell(f"redis died (see {self.redis.log}); starts again")
            self.redis.start()
            if self.redis.url != redis_url(self.settings):
                raise RedisUnavailableError("somebody took the port of the private Redis: start the system again")
        told = [line for part in self.parts if (line := part.revive())]
        for line in told:
            self._tell(line)
        if told:
            self.write_running_system()

    def stop(self) -> None:
        """Stop monitors, then consumers, then trainers, then Redis; interrupted, it ends them at once. State stays.

        What was killed recovers at the next start.
        """
        try:
            for command in ("monitor", "consumer", "trainer"):
                self._stop_parts([part for part in self.parts if part.command == command])
        except KeyboardInterrupt:
            self._tell("in a hurry: ending all parts at once")
            for part in self.parts:
                part.kill()
        finally:
            remove_running_system(self.settings.home)
            if self.redis is not None:
                self.redis.stop()

    def _is_served(self, domain: str) -> bool:
        """Whether a model was put in charge before; the registry, which is slow to load, need not be asked then."""
        with speaking_to(redis_url(self.settings)), open_redis(self.settings) as client:
            return bool(client.exists(self.settings.for_domain(domain).streams.model))

    def _has_registry(self) -> bool:
        """Whether there is something to ask; asking an SQLite store creates it, which takes a while."""
        database = database_of(tracking_uri_of(self.settings))
        return database is None or database.exists()

    def _start(self, domain: str, command: str, name: str) -> None:
        # on a Redis that other machines share, names must be this machine's own
        own_name = name if self.redis is not None else f"{host_name()}-{name}"
        part = ManagedProcess(
            domain,
            command,
            own_name,
            logs=self.settings.home / "logs",
            host=self.settings.host,
            environment=environment_of(self.settings),
        )
        part.start()
        self.parts.append(part)

    def _stop_parts(self, parts: Sequence[ManagedProcess]) -> None:
        for part in parts:
            part.ask_to_stop()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for part in parts:
            if not part.wait(deadline):
                self._tell(f"{part.label} does not stop within {STOP_TIMEOUT_S:g} s: killed (see {part.log})")
                part.kill()

    def _run_command(self, *arguments: str) -> int:
        command, environment = part_command(*arguments), environment_of(self.settings)
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as process:
            return process.wait()
