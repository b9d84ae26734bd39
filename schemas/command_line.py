"""How messages spell a command of the command line, so that it can be typed as it is shown."""

from __future__ import annotations

import os

DEFAULT_DOMAIN = "housing"
DOMAIN_VARIABLE = "TASADOR_DOMAIN"


def spell_command(words: str, domain: str) -> str:
    """A command for a domain, such as ``tasador train --domain obesity``.

    The option is left out only where the command would find the domain without it: it is the default, and none was
    given, neither as an option, which sets the variable, nor in the environment.
    """
    is_found = domain == DEFAULT_DOMAIN and DOMAIN_VARIABLE not in os.environ
    return f"tasador {words}" + ("" if is_found else f" --domain {domain}")
