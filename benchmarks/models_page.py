"""`docs/models.md`, from a report: ``python -m benchmarks.models_page reports/bench-models.json docs/models.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.models import (
    MAX_US_PER_ROW,
    MIN_CLASSES,
    MIN_GAIN,
    MIN_WON,
    Judgement,
    ModelsReport,
    ModelStanding,
    Versus,
)

PAGE = """\
# Models beside the older recipes

`make bench-models HOUSING=FILE OBESITY=FILE` fits the recipes of the systems before this one, written anew, and ours on
the same folds of the same tables, gaps as they are. Gaps are filled and columns derived inside the fold, for the older
recipes too. No parameter is searched here: ours were tuned on folds of other seeds, and which of ours is judged was
settled there too.

Mean and standard deviation are over folds. *Old split* is the one split of the older systems, 80 to 20 with seed 42; it
is shown for comparison and says nothing by itself. The cost is that of a row in a batch of 1,000, on one core.
Intervals of the gain are corrected for folds that share rows (Nadeau and Bengio 2003); naive ones stand beside them.

{tables}

Figures were made on {date}, on {machine}. Versions: {versions}. The score of each fold is in
[bench-models.json](bench-models.json).

This page is made by `python -m benchmarks.models_page docs/bench-models.json docs/models.md`.
"""


def render_page(report: ModelsReport) -> str:
    """The page, in Markdown."""
    machine = report.machine
    return PAGE.format(
        tables="\n\n".join("\n".join(_table(one)) for one in report.tables),
        date=f"{report.made_at:%Y-%m-%d}",
        machine=f"{machine.processor}, {machine.cores} cores, load before the start {machine.load:g}",
        versions=", ".join(f"{name} {version}" for name, version in machine.versions.items()),
    )


def _table(judged: Judgement) -> Iterator[str]:
    has_classes = judged.standings[0].macro_f1 is not None
    yield f"## {judged.domain}"
    yield ""
    times = f"{judged.repeats} times {judged.folds} folds"
    yield f"{judged.rows} rows of {judged.source}, {times}{', stratified' if has_classes else ''}."
    yield ""
    heads = (judged.metric, "sd", *(("macro F1",) if has_classes else ()), "old split", "µs a row", "s a fit")
    yield f"| recipe | {' | '.join(heads)} |"
    yield f"| --- |{' ---: |' * len(heads)}"
    for one in judged.standings:
        yield f"| {' | '.join(_cells(one, is_judged=one.title == judged.versus.ours))} |"
    yield ""
    yield from _verdict(judged, judged.versus)


def _cells(one: ModelStanding, *, is_judged: bool) -> Iterator[str]:
    digits = 3 if one.macro_f1 is None else 4
    yield f"**{one.title}**" if is_judged else one.title
    yield f"**{one.mean:.{digits}f}**" if is_judged else f"{one.mean:.{digits}f}"
    yield f"{one.sd:.{digits}f}"
    if one.macro_f1 is not None:
        yield f"{one.macro_f1:.{digits}f}"
    yield f"{one.old_split:.{digits}f}"
    yield f"{one.us_per_row:.1f}"
    yield f"{one.fit_s:.2f}"


def _verdict(judged: Judgement, versus: Versus) -> Iterator[str]:
    ours = judged.chosen
    folds = judged.folds * judged.repeats
    yield (
        f"**{versus.ours}** is {versus.gain:.1%} better than {versus.older}, the best of the older recipes, in "
        f"{versus.won * folds:g} of {folds} folds; 95 % interval of the gain {versus.low:+.1%} to {versus.high:+.1%}, "
        f"uncorrected {versus.naive_low:+.1%} to {versus.naive_high:+.1%}."
    )
    yield ""
    if ours.macro_f1 is None:
        goal = f"{MIN_GAIN:.0%} better, in {MIN_WON * folds:g} of {folds} folds"
    else:
        goal = f"accuracy and macro F1 of {MIN_CLASSES:g}"
    verdict = "reached" if judged.is_good else "NOT REACHED"
    yield f"The goal is {goal}, for at most {MAX_US_PER_ROW:g} µs a row: {verdict}."


def main() -> None:
    """Write the page: the report's file is the first argument, the page's the second."""
    report, page = map(Path, sys.argv[1:3])
    page.write_text(render_page(ModelsReport.model_validate_json(report.read_bytes())), encoding="utf-8")


if __name__ == "__main__":
    main()
