"""`tasador bench-models`: our models beside older recipes, on the same folds of the same tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from tasador.cli.options import JsonOption
from tasador.cli.terminal import print_line, print_note, stderr, stdout, write_json

if TYPE_CHECKING:
    from benchmarks.models import Judgement, ModelsReport

EXAMPLE = "tasador bench-models --housing HousingData.csv --obesity people.csv"

REPORT = Path("reports/bench-models.json")


def bench_models(
    housing: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A table of houses.", show_default="the built-in")
    ] = None,
    obesity: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A table of people.", show_default="left out")
    ] = None,
    output: Annotated[Path, typer.Option(help="Takes the report.")] = REPORT,
    as_json: JsonOption = False,
) -> None:
    """Judge our models beside older recipes on the same folds, which takes some minutes.

    Ends with 1 if ours fall short of their goals.
    """
    report = _judge({"housing": housing} | ({"obesity": obesity} if obesity else {}))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    if as_json:
        write_json(report.model_dump(mode="json"))
    else:
        for one in report.tables:
            _show(one)
        _tell(f"report: {output}")
    if not report.is_good:
        raise typer.Exit(1)


def _judge(sources: dict[str, Path | None]) -> ModelsReport:
    with stderr.status("starting") as status:
        from benchmarks.judging import judge_domain
        from benchmarks.machine import describe_machine
        from benchmarks.models import report_of

        machine = describe_machine()
        tables = []
        for domain, source in sources.items():
            status.update(f"fitting on folds of {domain}")
            tables.append(judge_domain(domain, source, _tell))
    return report_of(tables, machine)


def _show(judged: Judgement) -> None:
    heads = (judged.metric.upper(), "SD", "MACRO F1", "OLD SPLIT", "µs A ROW", "s A FIT")
    table = Table("", *heads, title=f"{judged.rows} rows of {judged.source}", box=None, pad_edge=False)
    for one in judged.standings:
        table.add_row(
            one.title,
            f"{one.mean:.4f}",
            f"{one.sd:.4f}",
            "" if one.macro_f1 is None else f"{one.macro_f1:.4f}",
            f"{one.old_split:.4f}",
            f"{one.us_per_row:.1f}",
            f"{one.fit_s:.2f}",
        )
    versus = judged.versus
    verdict = "goal reached" if judged.is_good else "GOAL NOT REACHED"
    stdout.print(table, "")
    print_line(
        f"{versus.ours}: {versus.gain:.1%} better than {versus.older}, in {versus.won:.0%} of the folds; {verdict}"
    )


def _tell(line: str) -> None:
    print_note(line)
