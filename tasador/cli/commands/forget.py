"""`tasador forget`: erase one subject from the audit log."""

from __future__ import annotations

from typing import Annotated

import typer

from schemas.settings import Settings
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import err, out, write_json
from tasador.machine.running_system import find_settings, open_redis, redis_url
from transport.connection import speaking_to
from transport.entries import EntryId
from transport.reading import newest

EXAMPLE = "tasador forget property-981 --yes"


def forget(
    subject: Annotated[str, typer.Argument(help="The subject of listings, as they named it.")],
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase a subject's predictions, features and outcomes from the audit log of this machine, for good.

    Streams keep what is younger than retention.max_age_s (7 days) and are not touched; what of it has not been logged
    yet will not be.
    """
    settings = find_settings(domain)
    if not is_sure:
        typer.confirm(f"Erase everything about {subject!r} for good?", abort=True, err=True)
    from monitoring.archive.erasing import erase_subject
    from monitoring.archive.location import archive_of

    with err.status("reading the audit log"):
        erased = erase_subject(archive_of(settings), subject, _now(settings))
    told = {"subject": subject, "predictions": erased.predictions, "outcomes": erased.outcomes, "files": erased.files}
    if as_json:
        write_json(told)
    else:
        facts = f"{erased.predictions:,} predictions and {erased.outcomes:,} outcomes in {erased.files:,} files"
        out.out(f"erased {facts}", highlight=False)


def _now(settings: Settings) -> EntryId:
    """The newest prediction there is."""
    with speaking_to(redis_url(settings)), open_redis(settings) as client:
        entries = newest(client, settings.streams.predictions, 1)
    return EntryId.parse(entries[0][0]) if entries else EntryId(0, 0)
