"""`tasador forget`: erases a subject from the audit log and its stored features."""

from __future__ import annotations

from typing import Annotated

import redis
import typer

from producer.feature_writer import FeatureWriter
from schemas.settings import Settings
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_line, stderr, write_json
from tasador.machine.running_system import find_settings, open_redis
from transport.entries import EntryId
from transport.sharded_reading import newest_of_shards
from transport.shards import read_layout

EXAMPLE = "tasador forget property-981 --yes"


def forget(
    subject: Annotated[str, typer.Argument(help="The `subject` of the listings.")],
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase a subject's stored features, and its predictions, features and outcomes from the audit log.

    Events of the last retention.max_age_s (7 days) stay in the streams; those not yet in the audit log are not added
    to it.
    """
    settings = find_settings(domain)
    if not is_sure:
        typer.confirm(f"Erase everything about {subject!r} for good?", abort=True, err=True)
    from monitoring.archive.erasing import erase_subject, erasing_alone
    from monitoring.archive.location import archive_of

    # first, so that no further listing takes them from the store
    with FeatureWriter(settings) as writer:
        stored = writer.expire([subject])
    key = settings.streams.archive_erasing
    with open_redis(settings) as client, erasing_alone(client, key) as go_on, stderr.status("reading the audit log"):
        erased = erase_subject(archive_of(settings), subject, _newest_prediction(client, settings), go_on)
    if as_json:
        counts = {"predictions": erased.predictions, "outcomes": erased.outcomes, "files": erased.files}
        write_json({"subject": subject, "stored": stored, **counts})
    else:
        events = f"{erased.predictions:,} predictions and {erased.outcomes:,} outcomes"
        print_line(f"erased {events} in {erased.files:,} files{', and the stored features' if stored else ''}")


def _newest_prediction(client: redis.Redis, settings: Settings) -> EntryId:
    shards = read_layout(client, settings.streams).streams(settings.streams)
    entries = newest_of_shards(client, shards, lambda shard: shard.predictions, 1)
    return EntryId.parse(entries[0].entry_id) if entries else EntryId(0, 0)
