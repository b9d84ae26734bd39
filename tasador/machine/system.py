"""The whole system on one machine: starts Redis and all processes, restarts them, and stops them in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pydantic import SecretStr

from registry.location import tracking_uri_of
from schemas.errors import ConfigurationError, RedisUnavailableError, SupervisorError
from schemas.settings import Settings, load_settings
from tasador.cli.names import host_name
from tasador.machine.champions import describe_missing_champion, ensure_champion, has_registry
from tasador.machine.control import ControlRequest
from tasador.machine.home import process_environment
from tasador.machine.identity import ProcessIdentity
from tasador.machine.log_files import log_folder
from tasador.machine.private_redis import PrivateRedis
from tasador.machine.process_group import ProcessGroup
from tasador.machine.processes import ManagedProcess
from tasador.machine.running_system import (
    RunningSystem,
    redis_url,
    remove_running_system,
    write_running_system,
)
from tasador.machine.shared_redis import check_prefix, check_servers
from tasador.machine.web_processes import WEB_PORTS, start_web

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
        is_started: whether requests are accepted; written to `run.json`.
    """

    def __init__(
        self, settings: Settings, domains: Sequence[str], consumers: int, notify: Callable[[str], None]
    ) -> None:
        check_prefix(settings, domains)
        self.settings = settings
        self.redis = None if settings.redis_url else PrivateRedis(settings.home / "redis")
        self.processes = ProcessGroup(notify)
        self.is_started = False
        self._domains = tuple(domains)
        self._consumers = consumers
        self._notify = notify
        self._added: set[str] = set()
        self._refused: dict[str, str] = {}

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
        check_servers(self.settings, self._domains)
        self.write_running_system()

    def start_consumers(self) -> None:
        """Start the consumers, which wait for a model."""
        for domain in self._domains:
            self._start_consumers(domain, self._consumers)
        self.write_running_system()

    def start_trainers(self) -> None:
        """Start the training workers, which activate the champion."""
        for domain in self._domains:
            self._start(domain, "trainer", "trainer")
        self.write_running_system()

    def start_explainers_and_monitors(self) -> None:
        """Start the explainers, which wait for a request, and the monitors, which wait for a model."""
        for domain in self._domains:
            self._start(domain, "explainer", "explainer")
            self._start(domain, "monitor", "monitor")
        self.write_running_system()

    def start(self) -> None:
        """Start everything, and train a champion for each domain that has none. Raises the errors of `start_redis`."""
        self.start_redis()
        self.start_consumers()
        if has_registry(self.settings):
            self.start_trainers()
            self.ensure_champions()
        else:  # two processes must not create the same SQLite store
            self.ensure_champions()
            self.start_trainers()
        self.start_explainers_and_monitors()
        self.start_web()

    def start_web(self) -> None:
        """Start gateway and console of all domains, or start them again for those that run now."""
        start_web(self.processes, self.settings, self._domains, self._unique)
        self.write_running_system()

    def ensure_champions(self) -> None:
        """Train a champion quickly for each domain that has none; notify the operator if that fails."""
        for domain in self._domains:
            if not ensure_champion(self.settings, domain, self.watch):
                self._notify(describe_missing_champion(domain))

    def carry_out(self, request: ControlRequest) -> None:
        """Do what another command asks for: add or remove a domain, or begin to restart a process.

        Raises:
            SupervisorError: the domain runs already, or there is no such domain or process.
            ConfigurationError: a setting is wrong, or the domain does not exist.
            ServerError: Redis cannot be used for the domain.
            RedisUnavailableError: Redis does not answer.
        """
        if request.verb == "add":
            self._add(request.target, request.consumers)
        elif request.verb == "remove":
            self._remove(request.target)
        else:
            self.processes.find(request.target).request_restart()
            self._notify(f"{request.target} is restarted on request")
        self.write_running_system()

    def write_running_system(self) -> None:
        """Write `run.json`, so that other commands find this system."""
        processes = {each.label: each.identity for each in self.processes if each.identity}
        if self.redis is not None and self.redis.pid is not None:
            processes["redis"] = ProcessIdentity.of(self.redis.pid)
        system = RunningSystem(
            is_started=self.is_started,
            redis_url=redis_url(self.settings),
            mlflow_uri=tracking_uri_of(self.settings),
            parts={process.label: process.url for process in self.processes},
            processes=processes,
            refused=self._refused,
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

        A domain that was added later, and whose configuration turns out to be wrong, is removed again.

        Raises:
            ConfigurationError: a process ended over a mistake in the configuration; the caller stops the system.
            RedisUnavailableError: the private Redis ended and cannot be restarted on its port.
        """
        if self.redis is not None and not self.redis.is_running:
            self._notify(f"redis ended (see {self.redis.log}); restarting")
            self.redis.start()
            if self.redis.url != redis_url(self.settings):
                raise RedisUnavailableError("another program took the private Redis's port: start the system again")
            self.write_running_system()
        for process in self.processes:
            self._watch(process)

    def stop(self) -> None:
        """Stop the processes in order, then Redis; KeyboardInterrupt kills the processes at once."""
        try:
            self.processes.stop()
        except KeyboardInterrupt:
            self._notify("interrupted again: killing all processes")
            self.processes.kill()
        finally:
            remove_running_system(self.settings.home)
            if self.redis is not None:
                self.redis.stop()

    def _watch(self, process: ManagedProcess) -> None:
        try:
            message = process.restart_if_due()
        except ConfigurationError as error:
            message = self._remove_misconfigured(process, error)
        if message:
            self._notify(message)
            self.write_running_system()

    def _remove_misconfigured(self, process: ManagedProcess, error: ConfigurationError) -> str:
        if process.command in WEB_PORTS:  # everything else works without it
            self.processes.stop_command(process.command)
            return f"{error}; the system runs without it"
        if process.domain not in self._added:
            raise error
        self._refused[process.domain] = str(error)
        self._remove(process.domain)
        return f"{error}; {process.domain} is removed"

    def _add(self, domain: str, consumers: int) -> None:
        if domain in self._domains:
            raise SupervisorError(f"{domain} is already running: `tasador status --domain {domain}` shows it")
        load_settings(domain=domain)  # the domain may have been added to params.yaml after this system started
        check_prefix(self.settings, (*self._domains, domain))
        check_servers(self.settings, (domain,))
        self._domains = (*self._domains, domain)
        self._added.add(domain)
        self._refused.pop(domain, None)
        self._notify(f"adding {domain}")
        self._start_consumers(domain, consumers)
        for role in ("trainer", "explainer", "monitor"):
            self._start(domain, role, role)
        self.start_web()

    def _remove(self, domain: str) -> None:
        if domain not in self._domains:
            raise SupervisorError(f"{domain} is not running; running domains are {', '.join(self._domains)}")
        self._notify(f"removing {domain}")
        self.processes.stop(domain)
        self._domains = tuple(each for each in self._domains if each != domain)
        self._added.discard(domain)
        self.start_web()

    def _start_consumers(self, domain: str, count: int) -> None:
        for number in range(1, count + 1):
            self._start(domain, "consumer", f"consumer-{number}")

    def _start(self, domain: str, command: str, name: str) -> None:
        logs, environment = log_folder(self.settings.home), process_environment(self.settings)
        name, host = self._unique(name), self.settings.host
        self.processes.start(ManagedProcess(domain, command, name, logs=logs, host=host, environment=environment))

    def _unique(self, name: str) -> str:
        """A name of a process; a shared Redis requires names that no other machine has."""
        return name if self.redis is not None else f"{host_name()}-{name}"
