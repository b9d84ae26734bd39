"""Runs a command in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result


@dataclass(frozen=True)
class Runner:
    """Runs an app that consists of one command or group."""

    app: typer.Typer

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        """Run the command; errors of the product are raised."""
        return CliRunner().invoke(self.app, arguments, input=stdin, catch_exceptions=False)

    def text(self, *arguments: str) -> str:
        """The standard output of a successful run."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return str(result.stdout)

    def json(self, *arguments: str) -> Any:
        """The JSON document that it prints with --json."""
        return json.loads(self.text(*arguments, "--json"))


def runner_of(function: Callable[..., None]) -> Runner:
    """A runner of this command."""
    app = typer.Typer()
    app.command()(function)
    return Runner(app)


def use_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    """Make commands use the test's Redis and key prefix."""
    monkeypatch.setenv("TASADOR_REDIS_URL", redis_url)
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    monkeypatch.setenv("COLUMNS", "200")
