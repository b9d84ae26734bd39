"""`tasador dead-letters`: what operators do with refused listings."""

from __future__ import annotations

import typer

from tasador.cli.dead_letters.editing import edit
from tasador.cli.dead_letters.exporting import export
from tasador.cli.dead_letters.resolving import drop, replay
from tasador.cli.dead_letters.showing import list_, show

app = typer.Typer(help="List, show, replay, edit, export or drop dead letters.", no_args_is_help=True)

app.command("list", epilog="Example: tasador dead-letters list --by-reason")(list_)
app.command(epilog="Example: tasador dead-letters show 1795219101518-0")(show)
app.command(epilog="Example: tasador dead-letters replay --reason out_of_range --since 2h --set RM=6.5")(replay)
app.command(epilog="Example: tasador dead-letters edit 1795219101518-0")(edit)
app.command(epilog="Example: tasador dead-letters export refused.jsonl --reason missing_feature")(export)
app.command(epilog="Example: tasador dead-letters drop --reason not_json --since 1d --yes")(drop)
