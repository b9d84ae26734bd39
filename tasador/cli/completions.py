"""What the shell offers for the values of arguments: names that settings and the home folder hold.

A completion prints nothing and raises nothing: where something is wrong, it offers nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import typer

from schemas.errors import TasadorError


def complete_domain(incomplete: str) -> list[str]:
    """Names of domains: those of params.yaml and the built-in ones."""
    from schemas.domain import BUILT_IN
    from schemas.settings import load_settings

    try:
        return _beginning(incomplete, {*load_settings().domains, *BUILT_IN})
    except TasadorError:
        return _beginning(incomplete, BUILT_IN)


def complete_part(incomplete: str) -> list[str]:
    """Labels of the processes that run."""
    from tasador.machine.home import find_home
    from tasador.machine.running_system import read_running_system

    system = read_running_system(find_home())
    return _beginning(incomplete, system.parts) if system else []


def complete_log(incomplete: str) -> list[str]:
    """Names of the logs that there are."""
    from tasador.machine.home import find_home
    from tasador.machine.log_files import find_logs

    return _beginning(incomplete, find_logs(find_home()))


def complete_version(ctx: typer.Context, incomplete: str) -> list[str]:
    """Numbers of the versions in this machine's registry; a server is not asked."""
    from registry.location import tracking_uri_of
    from registry.sqlite_store import read_versions
    from tasador.machine.running_system import load_registry_settings

    try:
        settings = load_registry_settings(ctx.params.get("domain") or os.environ.get("TASADOR_DOMAIN"))
    except TasadorError:
        return []
    versions = read_versions(tracking_uri_of(settings), settings.domain) or []
    return [info.version for info in versions if info.version.startswith(incomplete)]


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
