"""The command line's entry point. A command is imported when it is called, so that `--help` is fast."""

from __future__ import annotations

import importlib
import os
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from schemas.command_line import DOMAIN_VARIABLE
from tasador import __version__
from tasador.cli.completions import complete_domain

COMMANDS = {
    "demo": "Run the main job on real data, then exit.",
    "up": "Run the whole system on this machine, or add a domain.",
    "down": "Stop the running system, or one domain of it.",
    "logs": "Show or follow the log of a process.",
    "restart": "Restart a process of the running system.",
    "consumer": "Run one consumer.",
    "trainer": "Run one training worker.",
    "monitor": "Run one monitor.",
    "explainer": "Run one explainer.",
    "gateway": "Serve predictions over HTTP.",
    "console": "Show and steer the system in a browser.",
    "keys": "Make, list and revoke API keys of gateway and console.",
    "publish": "Publish listings, sample listings or outcomes.",
    "features": "Store, show or remove what is known of properties.",
    "tail": "Show the newest events of a stream, then follow it.",
    "status": "Show the state of the system.",
    "shards": "Show how many shards a domain has, or change it.",
    "explain": "Show why a listing got its prediction.",
    "predict": "Predict the rows of a file without a stream.",
    "rescore": "Score past predictions again by another version.",
    "backtest": "Show how often to retrain, from models of the past.",
    "verify": "Check that every listing got exactly one outcome.",
    "data": "Check training data, or write a report on it.",
    "train": "Train models, register the best and promote it.",
    "registry": "List, compare and promote registered versions.",
    "retrain": "Make the training worker train and promote.",
    "loop": "Pause or resume the monitor's retraining loop.",
    "mlflow": "Serve MLflow's web page for the registry.",
    "drift": "Show drift, or compare two files.",
    "quality": "Show how predictions compare with outcomes.",
    "stage": "Run one stage of the training pipeline.",
    "reload": "Activate another version while listings flow.",
    "rollback": "Go back to the version that answered before.",
    "rollout": "Put a challenger beside the champion, and compare them.",
    "history": "Show who changed the models, when, and why.",
    "domain": "Create a domain from a table.",
    "check": "Check configuration, Redis and registry before a start.",
    "settings": "List every setting with its meaning, unit and default.",
    "asyncapi": "Print the AsyncAPI document of a domain's streams.",
    "schema": "Print the JSON Schema of what a command writes.",
    "dead-letters": "List, show, correct or drop dead letters.",
    "forget": "Erase a subject from the audit log and the store of features.",
    "bench": "Measure throughput beside a bare loop and plain FastStream.",
}
"""Command -> help, in the order of the help.

`tasador.cli.commands` has a module for each, with a function of the module's name, or an `app` of several commands.
"""


class LazyCommands(TyperGroup):
    """Lists the commands without importing them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, help_ in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=help_)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that is called."""
        if args[0] in COMMANDS:
            self.commands[args[0]] = load_command(args[0])
        return super().resolve_command(ctx, args)


# rich help would take longer to import than everything else
app = typer.Typer(
    cls=LazyCommands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with: tasador demo",
)


def load_command(name: str) -> Any:
    """Import a command and return it as click's object."""
    module_name = name.replace("-", "_")
    module = importlib.import_module(f"tasador.cli.commands.{module_name}")
    group = typer.Typer(add_completion=False, rich_markup_mode=None)
    if hasattr(module, "app"):
        group.add_typer(module.app, name=name)
    else:
        function = getattr(module, module_name)
        group.command(name, epilog=f"Example: {module.EXAMPLE}")(function)
        # typer makes a group of a single command only if there is a callback
        group.callback()(lambda: None)
    command: Any = typer.main.get_group(group).commands[name]
    return command


def _show_version(is_given: bool) -> None:
    if is_given:
        typer.echo(f"tasador {__version__}")
        raise typer.Exit


@app.callback()
def tasador(
    version: Annotated[  # noqa: ARG001 - its callback uses it
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    domain: Annotated[
        str | None,
        typer.Option(
            "--domain",
            help="Domain; the same as --domain after the command.",
            show_default=False,
            autocompletion=complete_domain,
        ),
    ] = None,
) -> None:
    """Score listings from a stream: exactly one outcome for each, and models are swapped while listings flow."""
    if domain is not None:
        os.environ[DOMAIN_VARIABLE] = domain  # each command's own --domain reads it
