"""Checks the settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from schemas.errors import ConfigurationError, DomainError
from schemas.settings import PARAMS_VARIABLE, Settings, load_settings
from tasador.machine.running_system import find_settings
from tasador.preflight.finding import Finding


def check_configuration(domain: str | None) -> tuple[Settings | None, list[Finding]]:
    """The settings, or None if they cannot be read, and the findings.

    They name no Redis if none is set and no system runs.
    """
    params = os.environ.get(PARAMS_VARIABLE, "params.yaml")
    try:
        settings = load_settings(domain=domain)
    except ConfigurationError as error:
        return None, [Finding("configuration", "error", str(error), "see docs/params.md")]
    # the settings are right: if there is still an error, there is no Redis yet
    with suppress(ConfigurationError):
        settings = find_settings(domain)
    source = f"{params} and the environment" if Path(params).exists() else "the environment; there is no params.yaml"
    return settings, [Finding("configuration", "ok", f"read from {source}"), *_domains(settings), *_values(settings)]


def _domains(settings: Settings) -> Iterator[Finding]:
    for name in {settings.domain: None, **dict.fromkeys(settings.domains)}:
        try:
            declared = settings.for_domain(name).load_domain()
        except ConfigurationError as error:
            is_class = isinstance(error, DomainError)
            way_out = "correct the class, or its path under `domains`" if is_class else "correct params.yaml"
            yield Finding("configuration", "error", str(error), way_out)
        else:
            what = f"domain {name}: {declared.task}, {len(declared.features)} features"
            yield Finding("configuration", "ok", what)


def _values(settings: Settings) -> Iterator[Finding]:
    if settings.prefix is not None and len(settings.domains) > 1:
        what = f"{len(settings.domains)} domains would share the prefix {settings.prefix!r}"
        yield Finding("configuration", "error", what, "unset TASADOR_PREFIX, or declare one domain in params.yaml")
    home = settings.home.absolute()
    folder = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(folder, os.W_OK):
        yield Finding("configuration", "error", f"home {home}: {folder} is not writable", "set TASADOR_HOME")
