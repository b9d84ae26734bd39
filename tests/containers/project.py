"""One project of docker-compose.yml: its containers, and commands that are run among them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ROLES = ("CLIENT", "READER", "CONSUMER", "TRAINER", "MONITOR", "OPERATOR")
_TIMEOUT_S = 900
_HURRIED = {"TASADOR_TRAINING__REPEATS": "1", "TASADOR_TRAINING__REPORT": "figures"}

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
    """A system in containers, beside any other on this machine, with networks, volumes and passwords of its own."""

    def __init__(self) -> None:
        self.name = f"tasador-test-{uuid.uuid4().hex[:8]}"
        compose = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
        self._compose = [*compose, "--project-name", self.name]
        self._environment = os.environ | {f"REDIS_{role}_PASSWORD": secrets.token_hex(16) for role in ROLES}

    def compose(self, *arguments: str) -> str:
        """Call docker-compose; returns what it printed on standard output."""
        return self._run(*self._compose, *arguments)

    def docker(self, *arguments: str) -> str:
        """Call docker; returns what it printed on standard output."""
        return self._run("docker", *arguments)

    def command(self, service: str, *arguments: str) -> Any:
        """Run a command of the product in a container of its own; returns the document that it prints with --json."""
        variables = [word for name, value in _HURRIED.items() for word in ("-e", f"{name}={value}")]
        return json.loads(self.compose("run", "--rm", "-T", *variables, service, *arguments, "--json"))

    def verdict(self) -> Any:
        """What became of every listing."""
        return json.loads(self.compose("run", "--rm", "-T", "--entrypoint", "python", "operator", "-c", _VERIFY))

    def containers(self, service: str) -> list[str]:
        """Ids of a service's containers, running or not; not those of `command`."""
        labels = {"project": self.name, "service": service, "oneoff": "False"}
        filters = [
            word for name, value in labels.items() for word in ("-f", f"label=com.docker.compose.{name}={value}")
        ]
        return self.docker("ps", "--all", "--quiet", *filters).split()

    def state(self, container: str, of: str) -> str:
        """What the engine knows of a container: `Health.Status`, `Restarting`, ..."""
        return self.docker("inspect", "--format", f"{{{{.{of}}}}}", container).strip()

    def is_healthy(self, container: str) -> bool:
        """Whether its health check succeeds."""
        return self.state(container, "State.Health.Status") == "healthy"

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout
