"""Creates the users of `deploy/redis/users.acl` on a shared server, with a name and password for each test."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path
from typing import Any

import redis

_SETINFO = {"client|setinfo", "client"}
FOLDER = Path(__file__).parents[2] / "deploy" / "redis"
ROLES = ("client", "gateway", "console", "reader", "consumer", "trainer", "monitor", "explainer", "operator")
NODE_ROLES = ("replica", "cluster")
"""What only the nodes of a cluster are, and the job that makes it."""


def render(passwords: dict[str, str], prefix: str, level: str = "7.0") -> list[str]:
    """The lines of the ACL file for these passwords and prefixes."""
    variables = {f"REDIS_{role.upper()}_PASSWORD": password for role, password in passwords.items()}
    done = subprocess.run(
        ["sh", str(FOLDER / "render-acl.sh"), str(FOLDER / "users.acl")],
        env={"PATH": os.environ["PATH"], "PREFIXES": prefix, "ACL_LEVEL": level, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


class Users:
    """A user for each role on one prefix.

    Args:
        admin: client of a user who may create users.
        url: of the same server.
        prefix: of the keys, and suffix of the users' names.
    """

    def __init__(self, admin: redis.Redis, url: str, prefix: str) -> None:
        self._admin = admin
        self._scheme, _, self._address = url.partition("://")
        self._prefix = prefix
        self._passwords = {role: secrets.token_hex(16) for role in ROLES}
        self.create_on(admin)

    def create_on(self, admin: redis.Redis) -> None:
        """Create the users on a server: the constructor does so on the first one."""
        is_old = tuple(map(int, admin.info("server")["redis_version"].split(".")[:2])) < (7, 0)
        for line in render(self._passwords, self._prefix, "6.2" if is_old else "7.0"):
            _, role, *rules = line.split()
            if role != "default":
                admin.execute_command("ACL SETUSER", self.name(role), *_joined(rules))  # type: ignore[no-untyped-call]

    def name(self, role: str) -> str:
        """The name of a role's user."""
        return f"{role}-{self._prefix}"

    def url(self, role: str) -> str:
        """The server's URL with the user and password of a role."""
        return f"{self._scheme}://{self.name(role)}:{self._passwords[role]}@{self._address}"

    def denied(self, admin: redis.Redis | None = None) -> list[tuple[str, str]]:
        """Each denied user with the command or key; without CLIENT SETINFO, which redis-py sends and no role needs."""
        log: Any = (admin or self._admin).acl_log(count=1000)
        denied = [(_text(entry["username"]), _text(entry["object"])) for entry in log]
        return [(user, about) for user, about in denied if user.endswith(self._prefix) and about not in _SETINFO]

    def remove(self) -> None:
        """Remove the users, which closes their connections."""
        self._admin.acl_deluser(*map(self.name, ROLES))


def _joined(rules: list[str]) -> list[str]:
    """Join the words of each selector, which is one argument of ACL SETUSER."""
    joined: list[str] = []
    for rule in rules:
        if joined and joined[-1].startswith("(") and not joined[-1].endswith(")"):
            joined[-1] += f" {rule}"
        else:
            joined.append(rule)
    return joined


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()
