"""The command line: every command by name, each imported when it is called, so that `--help` answers at once."""

from __future__ import annotations

import importlib
import os
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from tasador import __version__

COMMANDS = {
    "demo": "Run the main job on real data, and exit.",
    "up": "Run the whole system on this machine until Ctrl-C.",
    "consumer": "Run one consumer, as in production.",
    "trainer": "Run one training worker, as in production.",
    "monitor": "Run one monitor, as in production.",
    "publish": "Publish listings from a file, or a sample of real ones.",
    "tail": "Follow predictions, dead letters or model events.",
    "status": "Show how the system does, at a glance.",
    "verify": "Check that every listing got one outcome.",
    "data": "Check training data, and look at it, without training.",
    "train": "Train models, register the best, and make it champion.",
    "registry": "Look at registered versions, compare them, put one in charge.",
    "retrain": "Let the training worker train, judge and promote.",
    "mlflow": "Open MLflow's page on the same store.",
    "drift": "Show whether the world has moved, or compare two files.",
    "quality": "Show how good predictions were, as far as outcomes tell.",
    "stage": "Run one stage of a training, between files.",
    "reload": "Put another version in charge while listings flow.",
    "rollback": "Go back to the previous champion.",
    "domain": "Declare a domain of one's own, from a table.",
    "check": "Say what is wrong before anything starts.",
    "settings": "List every setting with its meaning, unit and default.",
    "asyncapi": "Print the description of a domain's streams.",
    "dead-letters": "Look at refused listings, publish them again, drop them.",
    "forget": "Erase one subject from the audit log.",
    "bench": "Measure the rate against a bare loop and plain FastStream.",
    "bench-models": "Judge our models beside older recipes, on the same folds.",
}
"""Every command in the order of the help, with what it does.

`tasador.cli.commands` has a module for each, with a function of the module's name, or an `app` of several commands.
"""


class LazyCommands(TyperGroup):
    """Lists the commands without importing them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, help_ in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=help_)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, imported."""
        if args[0] in COMMANDS:
            self.commands[args[0]] = load_command(args[0])
        return super().resolve_command(ctx, args)


# plain help: the rich one takes longer to import than everything else
app = typer.Typer(
    cls=LazyCommands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with: tasador demo",
)


def load_command(name: str) -> Any:
    """Import a command and build it."""
    own = name.replace("-", "_")
    module = importlib.import_module(f"tasador.cli.commands.{own}")
    group = typer.Typer(add_completion=False, rich_markup_mode=None)
    if hasattr(module, "app"):
        group.add_typer(module.app, name=name)
    else:
        function = getattr(module, own)
        group.command(name, epilog=f"Example: {module.EXAMPLE}")(function)
        # one command alone would not become a group
        group.callback()(lambda: None)
    command: Any = typer.main.get_group(group).commands[name]
    return command


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"tasador {__version__}")
        raise typer.Exit


@app.callback()
def tasador(
    version: Annotated[  # noqa: ARG001 - its callback has answered
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    domain: Annotated[
        str | None, typer.Option("--domain", help="As after the command: the domain to work on.", show_default=False)
    ] = None,
) -> None:
    """Score a stream: listings in, one prediction each out, with models swapped while they flow."""
    if domain is not None:
        os.environ["TASADOR_DOMAIN"] = domain  # where each command's own --domain looks
