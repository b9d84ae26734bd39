"""Runs one project of docker-compose.yml: its containers, and commands in further containers."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

from tests.security.roles import NODE_ROLES, ROLES
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
_TIMEOUT_S = 900
_ANSWERS_TIMEOUT_S = 90
_QUICK_TRAINING = {"TASADOR_TRAINING__REPEATS": "1", "TASADOR_TRAINING__REPORT": "figures"}

_VERIFY = """
from operations.verify import published, verify
from tasador.cli.terminal import write_json
from tasador.machine.running_system import find_settings, open_redis
settings = find_settings()
with open_redis(settings) as client:
    verdict = verify(client, settings.streams, published(client, settings.streams))
write_json(verdict.model_dump(mode="json"))
"""


class Project:
    """A system in containers with its own networks, volumes and passwords, separate from any other on the machine.

    Args:
        env_file: takes the place of .env.
    """

    def __init__(self, env_file: Path | None = None) -> None:
        self.name = f"tasador-test-{uuid.uuid4().hex[:8]}"
        compose = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
        instead = ("--env-file", str(env_file)) if env_file else ()
        self._compose = [*compose, "--project-name", self.name, *instead]
        passwords = {f"REDIS_{role.upper()}_PASSWORD": secrets.token_hex(16) for role in (*ROLES, *NODE_ROLES)}
        self._environment = os.environ | passwords

    def compose(self, *arguments: str) -> str:
        """Run docker-compose; returns its standard output."""
        return self._run(*self._compose, *arguments)

    def docker(self, *arguments: str) -> str:
        """Run docker; returns its standard output."""
        return self._run("docker", *arguments)

    def command(self, service: str, *arguments: str) -> Any:
        """Run a command of the product in its own container; returns the document that it prints with --json."""
        variables = [word for name, value in _QUICK_TRAINING.items() for word in ("-e", f"{name}={value}")]
        return json.loads(self.compose("run", "--rm", "-T", *variables, service, *arguments, "--json"))

    def status(self) -> Any:
        """The status, whatever its exit code says about the state."""
        command = (*self._compose, "run", "--rm", "-T", "operator", "status", "--json")
        return json.loads(self._run(*command, codes=(0, 1, 2)))

    def verdict(self) -> Any:
        """The verdict on every listing: its outcomes, and what is lost, doubled or waiting."""
        return json.loads(self.compose("run", "--rm", "-T", "--entrypoint", "python", "operator", "-c", _VERIFY))

    def wait_for_answers(self) -> Any:
        """Wait until every listing is answered; returns the verdict, which has none that is lost or doubled."""

        def find_complete_verdict() -> Any:
            verdict = self.verdict()
            return None if verdict["waiting"] else verdict

        verdict = wait_until(find_complete_verdict, _ANSWERS_TIMEOUT_S, "every listing is answered")
        assert not verdict["lost"]
        assert not verdict["doubled"]
        assert not verdict["unseen"]
        return verdict

    def containers(self, service: str) -> list[str]:
        """Ids of a service's containers, running or not; not those of `command`."""
        labels = {"project": self.name, "service": service, "oneoff": "False"}
        filters = [
            word for name, value in labels.items() for word in ("-f", f"label=com.docker.compose.{name}={value}")
        ]
        return self.docker("ps", "--all", "--quiet", *filters).split()

    def inspect(self, container: str, field: str) -> str:
        """A field of a container's record: `State.Health.Status`, `RestartCount`, ..."""
        return self.docker("inspect", "--format", f"{{{{.{field}}}}}", container).strip()

    def is_healthy(self, container: str) -> bool:
        """Whether its health check succeeds."""
        return self.inspect(container, "State.Health.Status") == "healthy"

    def _run(self, *command: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
        assert done.returncode in codes, f"{' '.join(command)}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout
