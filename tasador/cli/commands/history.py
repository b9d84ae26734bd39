"""`tasador history`: shows who changed the models, when, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from operations.history import merge_changes, recorded_changes, registered_changes
from registry.location import database_of, tracking_uri_of
from registry.store import Registry
from schemas.errors import RegistryUnavailableError
from schemas.history import Change
from schemas.settings import Settings
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_note, stdout, write_json
from tasador.cli.views.history import history_view
from tasador.machine.running_system import find_settings, open_redis

EXAMPLE = "tasador history --limit 5"


def history(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Show the newest N changes.")] = 20,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who changed the models, when, why, and what came of it, newest first.

    Every activation, promotion, rollback, retraining with its cause, and every command that was refused. The records
    are never trimmed; what was done without a command comes from the registry.
    """
    settings = find_settings(domain)
    with open_redis(settings) as client:
        recorded = list(recorded_changes(client, settings.streams))
    changes = merge_changes(recorded, _registered(settings, recorded), limit)
    if as_json:
        write_json([change.model_dump(mode="json") for change in changes])
    elif changes:
        stdout.print(history_view(changes))
    else:
        stdout.print("nothing has changed yet")


def _registered(settings: Settings, recorded: list[Change]) -> list[Change]:
    uri = tracking_uri_of(settings)
    if (database := database_of(uri)) is not None and not database.exists():
        return []
    known = {change.command_id for change in recorded if change.command_id}
    try:
        return registered_changes(Registry(uri, settings.domain), known)
    except RegistryUnavailableError as error:
        print_note(f"without what the registry knows: {error}")
        return []
