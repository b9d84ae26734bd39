"""Orders: a command as read from its entry, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pydantic_core
from pydantic import ValidationError

from schemas.commands import COMMANDS, Promote, Reload, Retrain, Rollback
from schemas.decoding import payload_of
from schemas.errors import RefusedListingError
from schemas.events import MAX_ID
from training.gate.report import Override


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """What one entry asks for.

    Attributes:
        command: the command; None where it is malformed.
        command_id: its id, where it could be read.
        reason: why it is not a command: invalid, unknown_type, payload_gone.
        message: what is wrong, for a person.
    """

    command: Reload | Retrain | Promote | Rollback | None
    command_id: str | None
    reason: str = ""
    message: str = ""


def parse_command(fields: Mapping[bytes, bytes] | None) -> ParsedCommand:
    """Read a command; never raises, because every command gets an answer."""
    if fields is None:
        return ParsedCommand(None, None, "payload_gone", "the entry was deleted while it was pending")
    try:
        payload = payload_of(fields)
    except RefusedListingError as error:
        return ParsedCommand(None, None, "invalid", str(error))
    try:
        command = COMMANDS.validate_json(payload)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)[0]
        reason = "unknown_type" if found["type"] == "union_tag_invalid" else "invalid"
        where = ".".join(str(part) for part in found["loc"])
        return ParsedCommand(None, _id_of(payload), reason, f"{where}: {found['msg']}" if where else found["msg"])
    if problem := _contradiction(command):
        return ParsedCommand(None, command.id, "invalid", problem)
    return ParsedCommand(command, command.id)


def override_of(command: Promote | Retrain) -> Override | None:
    """Who overrides the gate by this command, and why; None where nobody does."""
    if not (command.data.force and command.data.reason):
        return None
    return Override(actor=command.actor, reason=command.data.reason)


def _contradiction(command: Reload | Retrain | Promote | Rollback) -> str | None:
    if isinstance(command, Reload) and command.data.version and command.data.alias:
        return "data: name a version or an alias, not both"
    if isinstance(command, Promote) and command.data.force and not command.data.reason:
        return "data.reason: force wants a reason, which is kept"
    if isinstance(command, Promote) and command.data.reason and not command.data.force:
        return "data.reason: a reason is for force, which is not asked for"
    return None


def _id_of(payload: bytes) -> str | None:
    """The id of something malformed, so that whoever sent it finds the answer."""
    try:
        found = pydantic_core.from_json(payload)
    except ValueError:
        return None
    given = found.get("id") if isinstance(found, dict) else None
    return given if isinstance(given, str) and 0 < len(given) <= MAX_ID else None
