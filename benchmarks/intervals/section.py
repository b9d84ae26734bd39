"""The figures of `docs/intervals.md`: ``python -m benchmarks.intervals.section REPORT_JSON PAGE``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.intervals.report import CLASS_ROWS, LARGE_ROWS, IntervalsReport, TableFigures, WayFigures
from benchmarks.intervals.ways import COVERAGE, PLAIN
from tasador.bench.markdown import table

BEGIN, END = "<!-- figures of the intervals -->\n", "<!-- end of the figures -->\n"
INTRO = """\
Seen on {date} ({processor}, {cores} cores, load average before the start {load:g}), MAPIE {mapie}, with {seconds:g} s a
training. `{command}` repeats it. Every way gets the same model, the same out-of-fold predictions to calibrate by,
and the same predictions of test rows. A coverage of {coverage:g} is wanted; figures are means over outer folds, and
widths are shares of plain split conformal's.
"""


def section_of(report: IntervalsReport) -> str:
    """The section of a report, in Markdown."""
    return "\n".join(_lines(report))


def _lines(report: IntervalsReport) -> Iterator[str]:
    machine = report.machine
    yield INTRO.format(
        date=f"{report.made_at:%Y-%m-%d}",
        processor=machine.processor,
        cores=machine.cores,
        load=machine.load,
        mapie=report.mapie,
        seconds=report.seconds,
        command=report.command,
        coverage=COVERAGE,
    )
    numbers = [each for each in report.tables if not each.has_classes]
    if numbers:
        heads = ("numbers", "rows", "intervals of", "covered", "least fifth", "most fifth", "width")
        yield table(heads, [row for each in numbers for row in _rows(each)]) + "\n"
    classes = [each for each in report.tables if each.has_classes]
    if classes:
        heads = ("classes", "rows", "sets of", "covered", "least class", "most class", "classes in a set")
        yield table(heads, [row for each in classes for row in _rows(each)]) + "\n"
        yield f"The least and the most class are among those with at least {CLASS_ROWS} rows.\n"
    of_alarm = ("calibration rows", "false windows", "false streams", "doubled noise found", "outcomes, median")
    rates = [
        (
            f"{each.rows:,}",
            f"{each.false_share:.2%}",
            f"{each.false_streams:.1%}",
            f"{each.found_share:.1%}",
            f"{each.outcomes:.0f}",
        )
        for each in report.alarms
    ]
    yield (
        "The alarm on lost coverage in a simulation: 1,000 windows of 200 outcomes without a change; streams of 5,000 "
        "outcomes\nwithout a change that raise it at least once, looked at after every ten; and streams whose noise "
        "doubles, within 200\noutcomes of it.\n"
    )
    yield table(of_alarm, rates) + "\n"
    costs = " and ".join(f"{cost:.2f} µs a row ({name})" for name, cost in report.cost_us.items())
    yield f"Finding the ranges of a batch of 1,000 and encoding them costs {costs}.\n"
    missed = [target for target in report.targets() if not target.is_good]
    if missed:
        yield "Missed targets: " + "; ".join(f"{each.name} {each.reached:.3g}" for each in missed) + ".\n"
    else:
        yield (
            "All targets were reached: coverage within 3 points and that of each fifth within 5, no wider than plain\n"
            f"on tables of over {LARGE_ROWS:,} rows, 87 % of each class, 0.5 µs a row, 1 % false windows, 95 % found.\n"
        )


def _rows(figures: TableFigures) -> Iterator[tuple[str, ...]]:
    plain = figures.way(PLAIN)
    for way in figures.ways:
        parts = _measured(way, has_classes=figures.has_classes)
        width = f"{way.width:.2f}" if figures.has_classes else f"{way.width / plain.width:.3f}"
        least, most = min(parts, default=0.0), max(parts, default=0.0)
        head = (figures.table, f"{figures.rows:,}") if way is figures.ways[0] else ("", "")
        yield (*head, way.way, f"{way.coverage:.1%}", f"{least:.1%}", f"{most:.1%}", width)


def _measured(way: WayFigures, *, has_classes: bool) -> list[float]:
    """Coverage of the parts that have enough rows."""
    return [part.coverage for part in way.parts if part.rows >= CLASS_ROWS or not has_classes]


def main() -> None:
    """Replace the figures between the marks of the page."""
    report = IntervalsReport.model_validate_json(Path(sys.argv[1]).read_bytes())
    page = Path(sys.argv[2])
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{section_of(report)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
