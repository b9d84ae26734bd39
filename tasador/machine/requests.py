"""What other commands ask of the running system, and how they find that it is done."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

from schemas.errors import ConfigurationError, NotConfirmedError, SupervisorError
from schemas.settings import Settings
from tasador.machine.champions import describe_missing_champion, ensure_champion
from tasador.machine.control import ControlRequest, send_request
from tasador.machine.identity import ProcessIdentity
from tasador.machine.readiness import is_ready, why_not_ready
from tasador.machine.running_system import RunningSystem, read_running_system, require_running_system

_POLL_S = 0.1


def add_domain(settings: Settings, consumers: int, timeout_s: float) -> RunningSystem:
    """Add the domain of the settings to the running system, train its first champion, and wait until it is ready.

    Raises:
        SupervisorError: the system refused it, or has ended.
        ConfigurationError: a process of the domain cannot start over its configuration; the domain was removed again.
        NotConfirmedError: the training made no champion, or a process is not ready in time.
    """
    home, domain = settings.home, settings.domain
    send_request(home, ControlRequest(verb="add", target=domain, consumers=consumers))
    try:
        if not ensure_champion(settings, domain, watch=lambda: _check(home, domain)):
            raise NotConfirmedError(describe_missing_champion(domain))
    except ConfigurationError:
        if domain in require_running_system(home).domains:
            remove_domain(home, domain)
        raise
    labels = [label for label in _check(home, domain).parts if label.startswith(f"{domain}/")]
    return _wait_until_ready(home, domain, labels, {}, timeout_s)


def remove_domain(home: Path, domain: str) -> list[str]:
    """Remove a domain from the running system; returns the labels of the processes that were stopped.

    Raises:
        SupervisorError: it is not running, or the system has ended.
    """
    before = require_running_system(home)
    send_request(home, ControlRequest(verb="remove", target=domain))
    return [label for label in before.parts if label.startswith(f"{domain}/")]


def restart_process(home: Path, label: str, timeout_s: float) -> None:
    """Restart a process gracefully, and wait until it is ready again.

    Raises:
        SupervisorError: there is no such process, or the system has ended.
        NotConfirmedError: it is not ready in time.
    """
    before = require_running_system(home).processes
    send_request(home, ControlRequest(verb="restart", target=label))
    _wait_until_ready(home, label.rpartition("/")[0], [label], before, timeout_s)


def find_label(name: str, labels: Collection[str], domain: str | None) -> str:
    """The label that a name stands for: itself, a name in the domain, or a name that only one domain has.

    Raises:
        SupervisorError: there is none, or there are several.
    """
    own = f"{domain}/{name}"
    matches = [label for label in labels if name == label or (domain and label == own)]
    matches = matches or [label for label in labels if label.endswith(f"/{name}")]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise SupervisorError(f"no process {name!r}; there are {', '.join(labels) or 'none'}")
    raise SupervisorError(f"{name!r} may be {' or '.join(matches)}: name one of them")


def _wait_until_ready(
    home: Path, domain: str, labels: Collection[str], before: dict[str, ProcessIdentity], timeout_s: float
) -> RunningSystem:
    """Wait until these processes are ready, each another one than before."""
    deadline = time.monotonic() + timeout_s
    while True:
        system = _check(home, domain)
        waiting = [
            label
            for label in labels
            if system.processes.get(label) == before.get(label) or not is_ready(system.parts[label])
        ]
        if not waiting:
            return system
        if time.monotonic() > deadline:
            reason = why_not_ready(system.parts[waiting[0]])
            raise NotConfirmedError(f"{waiting[0]} is not ready after {timeout_s:g} s: {reason}")
        time.sleep(_POLL_S)


def _check(home: Path, domain: str) -> RunningSystem:
    """The running system, which must still run the domain, if one is named."""
    system = read_running_system(home)
    if system is None:
        raise SupervisorError("the system has ended meanwhile: the terminal or log of `tasador up` says why")
    if domain in system.refused:
        raise ConfigurationError(system.refused[domain])
    if domain and domain not in system.domains:
        raise SupervisorError(f"{domain} was removed from the system meanwhile")
    return system
