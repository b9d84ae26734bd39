"""`tasador verify`: whether every listing got exactly one outcome, and all that is written agrees."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import redis
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from operations.verification.report import Checker, VerificationReport, allowed_pending_ms
from operations.verification.scope import Coverage, coverage_of, read_receipts
from operations.verify import published
from schemas.errors import DataError
from schemas.streams import Streams
from tasador.cli.formatting import plain
from tasador.cli.options import MOMENT, DomainOption, JsonOption
from tasador.cli.terminal import err, out, write_json
from tasador.machine.running_system import find_settings, open_redis, redis_url
from transport.clock import now_ms
from transport.connection import speaking_to
from transport.moments import parse_range

EXAMPLE = "tasador verify --since 15min"


def verify(
    since: Annotated[str | None, typer.Option("--since", help=f"Check listings from then on. {MOMENT}")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Check listings up to then.")] = None,
    ids: Annotated[
        str | None,
        typer.Option("--ids", metavar="FILE", help="Check these entries: one id a line, or JSON lines; - for stdin."),
    ] = None,
    max_pending_s: Annotated[
        float | None,
        typer.Option("--max-pending", min=0, help="Seconds that an entry may be pending.", show_default="by settings"),
    ] = None,
    is_complete: Annotated[
        bool, typer.Option("--complete", help="Fail also where an entry still waits, or is too old to be seen.")
    ] = False,
    shown: Annotated[int, typer.Option("--show", min=0, help="How many problems to list.")] = 20,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that every listing got one outcome, and that models, window and counts agree with what was written.

    Without a range, everything that the stream still holds is checked. By default an entry may be pending for 1.5 times
    `claim_idle_ms`, as often as `max_deliveries` allows and once more. Ends with 1 where something is wrong.
    """
    if ids is not None and (since or until):
        raise typer.BadParameter("--ids, or a range with --since and --until, not both")
    settings = find_settings(domain)
    allowed_ms = allowed_pending_ms(settings) if max_pending_s is None else round(max_pending_s * 1000)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=err, transient=True)
    with speaking_to(redis_url(settings)), open_redis(settings) as client, bar:
        task = bar.add_task("Checking: listings", total=None)

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=f"Checking: {stage}", completed=done, total=total or None)

        sight = coverage_of(client, settings.streams)
        asked = _read_ids(ids) if ids is not None else _in_range(client, settings.streams, since, until)
        checker = Checker(client, settings.streams, settings.load_domain(), allowed_ms, show)
        report = checker.check(asked, is_everything=not (ids or since or until) and not sight.listings_trimmed)
    is_fine = report.is_complete if is_complete else report.is_sound
    if as_json:
        write_json({"is_fine": is_fine, "sight": sight.model_dump(), **report.model_dump(mode="json")})
    else:
        _show(report, sight, shown, is_fine=is_fine)
    if not is_fine:
        raise typer.Exit(1)


def _in_range(client: redis.Redis, streams: Streams, since: str | None, until: str | None) -> Collection[str]:
    first, last = parse_range(since, until, now_ms(client))
    return set(published(client, streams, first, last))


def _read_ids(name: str) -> Collection[str]:
    if name == "-":
        return set(read_receipts(sys.stdin, "stdin"))
    try:
        with Path(name).open(encoding="utf-8") as lines:
            return set(read_receipts(lines, name))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _show(report: VerificationReport, sight: Coverage, shown: int, *, is_fine: bool) -> None:
    verdict = report.verdict
    kinds = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in verdict.outcomes.items())
    allowed_s = report.allowed_pending_ms / 1000
    lines = [
        f"{verdict.entries:,} listings: {kinds or 'no outcomes'}; {verdict.waiting:,} waiting",
        f"pending     {report.late:,} for longer than {allowed_s:g} s",
        f"models      {report.predictions:,} predictions checked for their activation",
        f"window      {report.rows:,} rows in {report.batches:,} batches compared with their predictions",
        f"counts      compared{', with the sum of all predictions' if report.is_sum_checked else ''}",
        f"seen        listings from {sight.first_listing or 'none'} to {sight.last_listing or 'none'}",
    ]
    if sight.listings_trimmed:
        lines.append(f"not seen    {sight.listings_trimmed:,} older listings, which are trimmed")
    if verdict.unseen:
        lines.append(
            f"not seen    {verdict.unseen:,} of the listings, older than the answers from {verdict.visible_from}"
        )
    if report.batches_unseen:
        lines.append(f"not seen    {report.batches_unseen:,} batches of the window whose predictions are trimmed")
    lines += [f"{one.kind:<11} {one.entry or '-'}  {one.message}" for one in report.problems[:shown]]
    counts = ", ".join(f"{count:,} {kind}" for kind, count in report.problem_counts.items())
    lines.append("ok" if is_fine else f"not ok: {counts or str(verdict)}")
    for line in lines:
        out.print(plain(line, 300), highlight=False, markup=False, soft_wrap=True)
