"""`tasador schema`: prints the JSON Schema of what a command writes with --json."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tasador.cli.json_outputs import OUTPUTS
from tasador.cli.terminal import print_line

EXAMPLE = "tasador schema dead-letters list"


def _offer(incomplete: str) -> list[str]:
    return [command for command in OUTPUTS if command.startswith(incomplete) and " " not in command]


def schema(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND]", help="A command, such as status or registry show.", autocompletion=_offer),
    ] = None,
) -> None:
    """Print the JSON Schema of what a command writes with --json; without COMMAND, list the commands that have one.

    Where a command writes a document a line, the schema is that of a line. Fields may be added, but none is removed or
    gets another meaning without a note in the changelog.
    """
    if not words:
        for command in OUTPUTS:
            print_line(command)
        return
    name = " ".join(words)
    if name not in OUTPUTS:
        raise typer.BadParameter(f"{name!r} has no schema; `tasador schema` lists the commands that have one")
    print_line(json.dumps(OUTPUTS[name].schema(), indent=2))
