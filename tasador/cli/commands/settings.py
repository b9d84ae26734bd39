"""`tasador settings`: every setting with its meaning."""

from __future__ import annotations

from tasador.cli.options import JsonOption
from tasador.cli.settings_page import all_settings, page
from tasador.cli.terminal import out, write_json

EXAMPLE = "tasador settings --json"


def settings(as_json: JsonOption = False) -> None:
    """List every setting: meaning, unit, what is admitted, default, and the variable that overrides it, as Markdown."""
    if as_json:
        write_json([setting._asdict() for setting in all_settings()])
        return
    out.out(page(), end="", highlight=False)
