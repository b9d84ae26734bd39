"""Whether the settings can be used, and what in them would surprise later."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import ConfigurationError
from schemas.settings import PARAMS_VARIABLE, Settings
from tasador.machine.running_system import find_settings
from tasador.preflight.finding import Finding


def check_configuration(domain: str | None) -> tuple[Settings | None, list[Finding]]:
    """The settings, None where they cannot be read, and what was found about them."""
    named = os.environ.get(PARAMS_VARIABLE, "params.yaml")
    try:
        settings = find_settings(domain)
    except ConfigurationError as error:
        return None, [Finding("configuration", "error", str(error), "see docs/params.md")]
    what = f"{named} and the environment" if Path(named).exists() else "the environment; there is no params.yaml"
    return settings, [Finding("configuration", "ok", f"read from {what}"), *_domains(settings), *_values(settings)]


def _domains(settings: Settings) -> Iterator[Finding]:
    for name in {settings.domain: None, **dict.fromkeys(settings.domains)}:
        try:
            declared = settings.for_domain(name).load_domain()
        except ConfigurationError as error:
            yield Finding("configuration", "error", str(error), "mend the class, or its path under `domains`")
        else:
            what = f"domain {name}: {declared.task}, {len(declared.features)} features"
            yield Finding("configuration", "ok", what)


def _values(settings: Settings) -> Iterator[Finding]:
    if settings.prefix is not None and len(settings.domains) > 1:
        what = f"prefix {settings.prefix!r} is that of every domain, and there are {len(settings.domains)}"
        yield Finding("configuration", "error", what, "unset TASADOR_PREFIX, or name one domain in params.yaml")
    home = settings.home.absolute()
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(place, os.W_OK):
        yield Finding("configuration", "error", f"home {home}: {place} cannot be written", "set TASADOR_HOME")
