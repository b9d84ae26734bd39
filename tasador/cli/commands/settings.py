"""`tasador settings`: lists every setting."""

from __future__ import annotations

from tasador.cli.options import JsonOption
from tasador.cli.settings_page import all_settings, page
from tasador.cli.terminal import stdout, write_json

EXAMPLE = "tasador settings --json"


def settings(as_json: JsonOption = False) -> None:
    """List every setting as Markdown: meaning, unit, admitted values, default, and the variable that overrides it."""
    if as_json:
        write_json([setting._asdict() for setting in all_settings()])
        return
    stdout.out(page(), end="", highlight=False)
