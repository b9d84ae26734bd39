"""`tasador verify`: checks that every listing got exactly one outcome, and that the streams agree."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import redis
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from operations.verification.checker import Checker
from operations.verification.log_report import LogReport
from operations.verification.report import OnProgress, VerificationReport, allowed_pending_ms
from operations.verification.scope import Coverage, coverage_of, read_receipts
from operations.verify import published
from schemas.errors import DataError
from schemas.settings import Settings
from schemas.streams import Streams
from tasador.cli.formatting import printable
from tasador.cli.options import MOMENT, DomainOption, JsonOption
from tasador.cli.terminal import print_line, stderr, write_json
from tasador.machine.running_system import find_settings, open_redis
from transport.clock import now_ms
from transport.moments import parse_range

EXAMPLE = "tasador verify --since 15min"


def verify(
    since: Annotated[str | None, typer.Option("--since", help=f"Check listings since then. {MOMENT}")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Check listings until then.")] = None,
    ids: Annotated[
        str | None,
        typer.Option("--ids", metavar="FILE", help="Check these entries: one id a line, or JSON lines; - for stdin."),
    ] = None,
    max_pending_s: Annotated[
        float | None,
        typer.Option("--max-pending", min=0, help="Seconds an entry may be pending.", show_default="from settings"),
    ] = None,
    is_complete: Annotated[
        bool, typer.Option("--complete", help="Also fail if a listing has no outcome yet, or it may be trimmed.")
    ] = False,
    with_archive: Annotated[
        bool, typer.Option("--archive", help="Also compare the audit log with the streams; needs its folder.")
    ] = False,
    shown: Annotated[int, typer.Option("--show", min=0, help="List at most this many problems.")] = 20,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that every listing got exactly one outcome, and that models, window and counts agree with the streams.

    Without a range, all listings still in the stream are checked. By default an entry may be pending for 1.5 times
    `claim_idle_ms` for each of `max_deliveries` deliveries, and once more. Exits with 1 if there is a problem.
    """
    if ids is not None and (since or until):
        raise typer.BadParameter("use --ids, or a range with --since and --until, not both")
    settings = find_settings(domain)
    allowed_ms = allowed_pending_ms(settings) if max_pending_s is None else round(max_pending_s * 1000)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=stderr, transient=True)
    with open_redis(settings) as client, bar:
        task = bar.add_task("Checking: listings", total=None)

        def show(stage: str, done: int, total: int) -> None:
            bar.update(task, description=f"Checking: {stage}", completed=done, total=total or None)

        coverage = coverage_of(client, settings.streams)
        entries = _read_ids(ids) if ids is not None else _in_range(client, settings.streams, since, until)
        checker = Checker(client, settings.streams, settings.load_domain(), allowed_ms, show)
        report = checker.check(entries, is_everything=not (ids or since or until) and not coverage.listings_trimmed)
        log = _compare_log(client, settings, show) if with_archive else None
    is_fine = (report.is_complete if is_complete else report.is_sound) and (log is None or log.is_sound)
    if as_json:
        parts = {"sight": coverage.model_dump(), "log": log and log.model_dump(mode="json")}
        write_json({"is_fine": is_fine, **parts, **report.model_dump(mode="json")})
    else:
        _show(report, coverage, log, shown, is_fine=is_fine)
    if not is_fine:
        raise typer.Exit(1)


def _compare_log(client: redis.Redis, settings: Settings, show: OnProgress) -> LogReport:
    # it takes a third of a second to import
    from operations.verification.log import LogCheck

    return LogCheck(client, settings, show).run()


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


def _show(report: VerificationReport, coverage: Coverage, log: LogReport | None, shown: int, *, is_fine: bool) -> None:
    verdict = report.verdict
    kinds = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in verdict.outcomes.items())
    allowed_s = report.allowed_pending_ms / 1000
    lines = [
        f"{verdict.entries:,} listings: {kinds or 'no outcomes'}; {verdict.waiting:,} waiting",
        f"pending     {report.late:,} for longer than {allowed_s:g} s",
        f"models      {report.predictions:,} predictions checked against their activation",
        f"window      {report.rows:,} rows in {report.batches:,} batches compared with their predictions",
        *([f"rollouts    {report.arms:,} arms and {report.pairs:,} pairs checked"] if report.arms else []),
        f"counts      compared{', with the sum of all predictions' if report.is_sum_checked else ''}",
        f"in stream   listings from {coverage.first_listing or 'none'} to {coverage.last_listing or 'none'}",
    ]
    if log is not None:
        lines.append(
            f"audit log   {log.predictions:,} predictions and {log.outcomes:,} outcomes compared with the streams"
        )
        lines += [f"unchecked   {log.unlogged:,} predictions that are not logged yet"] if log.unlogged else []
        lines += [f"erased      {log.erased:,} predictions of subjects that were erased"] if log.erased else []
    if coverage.listings_trimmed:
        lines.append(f"unchecked   {coverage.listings_trimmed:,} older listings, which are trimmed")
    if verdict.unseen:
        lines.append(
            f"unchecked   {verdict.unseen:,} listings whose outcomes may be trimmed (older than {verdict.visible_from})"
        )
    if report.batches_unseen:
        lines.append(f"unchecked   {report.batches_unseen:,} batches of the window whose predictions are trimmed")
    problems = [*report.problems, *(log.problems if log else ())]
    lines += [f"{one.kind:<11} {one.entry or '-'}  {one.message}" for one in problems[:shown]]
    found = report.problem_counts | (log.problem_counts if log else {})
    counts = ", ".join(f"{count:,} {kind}" for kind, count in found.items())
    lines.append("ok" if is_fine else f"not ok: {counts or str(verdict)}")
    for line in lines:
        print_line(printable(line, 300))
