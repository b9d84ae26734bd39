"""Runs one command as the front door does, on the test's own keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result


@dataclass(frozen=True)
class Command:
    """Invokes an app made of one command or group."""

    app: typer.Typer

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        """Run it; errors of the product are raised, as they are for the front door."""
        return CliRunner().invoke(self.app, arguments, input=stdin, catch_exceptions=False)

    def text(self, *arguments: str) -> str:
        """What it printed on standard output."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return str(result.stdout)

    def json(self, *arguments: str) -> Any:
        """The document it printed with --json."""
        return json.loads(self.text(*arguments, "--json"))


def command_of(function: Callable[..., None]) -> Command:
    """An app with that one command."""
    app = typer.Typer()
    app.command()(function)
    return Command(app)


def point_at(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    """Let commands find the test's Redis and keys."""
    monkeypatch.setenv("TASADOR_REDIS_URL", redis_url)
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    monkeypatch.setenv("COLUMNS", "200")
