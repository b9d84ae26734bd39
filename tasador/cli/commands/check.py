"""`tasador check`: checks configuration, Redis and registry before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import stderr, stdout, write_json
from tasador.preflight.configuration import check_configuration
from tasador.preflight.finding import Finding
from tasador.preflight.registry import check_registry
from tasador.preflight.server import check_redis

EXAMPLE = "tasador check --domain housing"

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


def check(
    is_without_registry: Annotated[
        bool, typer.Option("--no-registry", help="Do not check the registry and its champion.")
    ] = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check configuration, Redis server and registry; each problem comes with what to do about it.

    Before the first `tasador up` there is no Redis yet, which is no error. Exits with 1 if there is an error. Changes
    nothing; it tests the consumer's script on keys of its own.
    """
    findings: list[Finding] = []
    with stderr.status("checking"):
        for finding in _findings(domain, is_without_registry=is_without_registry):
            findings.append(finding)
            if not as_json:
                _show(finding)
    if as_json:
        write_json([asdict(finding) for finding in findings])
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


def _findings(domain: str | None, *, is_without_registry: bool) -> Iterator[Finding]:
    settings, findings = check_configuration(domain)
    yield from findings
    if settings is None:
        return
    yield from check_redis(settings)
    if not is_without_registry and not any(finding.level == "error" for finding in findings):
        yield from check_registry(settings)


def _show(finding: Finding) -> None:
    head = Text.assemble((f"{finding.level:<8}", _COLOURS[finding.level]), f"{finding.area:<14}")
    stdout.print(head.append(finding.what), soft_wrap=True)
    if finding.way_out:
        stdout.print(Text(f"{'':<22}-> {finding.way_out}"), soft_wrap=True)
