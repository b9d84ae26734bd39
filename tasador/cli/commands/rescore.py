"""`tasador rescore`: scores past predictions again by another version."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from tasador.cli.completions import complete_version
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.terminal import print_line, print_note, stderr
from tasador.machine.running_system import load_registry_settings
from transport.moments import parse_moment

EXAMPLE = "tasador rescore --version 7 --from 30d --out rescored"


def rescore(
    version: Annotated[str, typer.Option(help="The version that scores.", autocompletion=complete_version)],
    out: Annotated[Path, typer.Option(help="Folder for the results, one file for each of the audit log.")],
    since: Annotated[str | None, typer.Option("--from", help="Files from then on: 30d, or a time.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Files until then: 1d, or a time.")] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes; 0 for one a core, or the Dask cluster, from 5 million rows on.")
    ] = 0,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score the predictions of the audit log again by a registered version. No Redis is needed.

    Run it again to go on where it was stopped: files that are complete are kept.
    """
    from history.rescoring import rescore as rescore_log

    settings = load_registry_settings(domain)
    now_ms = time.time_ns() // 1_000_000
    first, last = (parse_moment(text, now_ms) if text else None for text in (since, until))
    with stderr.status("scoring the audit log") as status:
        report = rescore_log(
            settings,
            version,
            out,
            first,
            last,
            workers,
            lambda done, total: status.update(f"{done:,} of {total:,} files"),
        )
    if as_json:
        print_line(report.model_dump_json())
        return
    print_line(f"{report.rows:,} predictions in {report.files:,} files scored by version {version}, in {out}")
    if report.kept:
        print_note(f"{report.kept:,} of the files had been scored before")
    if report.left_out:
        print_note(f"{report.left_out:,} predictions have no features in the audit log, and are left out")
