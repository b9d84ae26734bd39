"""The panel's section of `docs/models.md`, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.tables import report as targets
from benchmarks.tables.contenders import FLAML, HISTOGRAM, OURS, XGBOOST
from benchmarks.tables.panel import Half
from benchmarks.tables.report import Summary, TablesReport, summary_of
from benchmarks.tables.scores import LEAST
from benchmarks.tables.standings import TableStanding
from tasador.bench.markdown import table

INTRO = """\
## Public tables

`make bench-tables` trains on {count} public tables that come inside Python packages, of {least:,} to {most:,} rows:
{regressions} regressions and {classifications} classifications. Each table is drafted by `tasador domain new`, read and
checked as a training does, and split into outer folds. Every contender learns the same outer training rows and predicts
the same outer test rows:

- **{ours}**: our training, with the domain that was drafted and nothing tuned by hand.
- **{xgboost}** and **{histogram}**: the libraries' defaults, with gaps and categories as the libraries want them.
- **{flaml}**: FLAML's search for the same metric, for at least the processor time that ours took on that fold. It runs
  on one thread, and its clock is the processor time of its process, so other load on the machine takes nothing from it.

The loss is RMSE for numbers and log loss for classes; probabilities below {least_share:.2g} count as that much. A ratio
is our loss as a share of the other's on the same fold, so less than 1 is better; a table has the median of its outer
folds. The better library default is that with the smaller mean loss.

Half of the tables are for development. The others were named and left alone until the training plan was fixed. Within a
task and by rows, each table goes to the half that has fewer so far, on a tie to those kept aside; four that had been
worked with before are for development in any case. Of those kept aside, storms has been used once since, to compare two
versions of the plan.

![Our loss beside the better default's and FLAML's, by table](bench-tables.svg)
"""
_TITLES: dict[Half, str] = {"development": "For development", "kept": "Kept aside"}


def panel_section(report: TablesReport) -> str:
    """The section of a report."""
    return "\n".join(_lines(report))


def _lines(report: TablesReport) -> Iterator[str]:
    rows = [each.facts.rows for each in report.tables]
    classifications = sum(each.facts.classes > 0 for each in report.tables)
    yield INTRO.format(
        count=len(report.tables),
        regressions=len(report.tables) - classifications,
        classifications=classifications,
        least=min(rows),
        most=max(rows),
        ours=OURS,
        xgboost=XGBOOST,
        histogram=HISTOGRAM,
        flaml=FLAML,
        least_share=LEAST,
    )
    for half, title in _TITLES.items():
        if standings := report.of_half(half):
            yield f"### {title}\n\n{_losses(standings)}\n"
            yield from _verdicts(summary_of(standings))
    if any(each.facts.classes for each in report.tables):
        yield f"### Beside the loss of classes\n\n{_class_figures(report.tables)}\n"
    if report.permuted:
        yield from _permuted(report)
    yield f"### Sources\n\n{_sources(report.tables)}\n"
    if any(map(_is_of_faster_cores, report.tables)):
        yield (
            "Where ours took more processor time than FLAML, FLAML's scores are stored ones of a run on faster cores, "
            "on which ours took less.\n"
        )
    machine = report.machine
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    yield (
        f"Measured with `{report.command}`, put together on {report.made_at:%Y-%m-%d}, on {machine.processor}, "
        f"{machine.cores} cores. Versions: {versions}. The losses of each fold are in "
        "[bench-tables.json](bench-tables.json)."
    )


def _losses(standings: Sequence[TableStanding]) -> str:
    heads = ("table", "rows", "folds", "loss", *_NAMES, "to the better default", "to FLAML", "core s ours, FLAML")
    return table(heads, (_loss_cells(each) for each in standings))


_NAMES = (OURS, XGBOOST, HISTOGRAM, FLAML)


def _is_of_faster_cores(standing: TableStanding) -> bool:
    ours, theirs = standing.find(OURS), standing.find(FLAML)
    return ours is not None and theirs is not None and ours.core_s > theirs.core_s


def _loss_cells(standing: TableStanding) -> tuple[str, ...]:
    losses = (found.loss if (found := standing.find(name)) else None for name in _NAMES)
    seconds = (f"{found.core_s:.0f}" if (found := standing.find(name)) else "-" for name in (OURS, FLAML))
    return (
        standing.facts.name,
        f"{standing.facts.rows:,}",
        str(standing.folds),
        standing.metric,
        *("-" if loss is None else f"{loss:.4g}" if loss < 1e4 else f"{loss:,.0f}" for loss in losses),  # noqa: PLR2004
        _ratio(standing.against_library),
        _ratio(standing.against_flaml),
        ", ".join(seconds),
    )


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.3f}"


def _verdicts(summary: Summary) -> Iterator[str]:
    rows = (
        (
            "largest ratio to the better default",
            summary.worst,
            "{:.3f}",
            f"≤ {targets.MAX_WORST:g}",
            summary.is_worst_good,
        ),
        (
            "median ratio to the better default",
            summary.median,
            "{:.3f}",
            f"≤ {targets.MAX_MEDIAN:g}",
            summary.is_median_good,
        ),
        (
            f"tables with a ratio to FLAML of at most {targets.CLOSE:g}",
            summary.close,
            "{:.0%}",
            f"≥ {targets.MIN_CLOSE:.0%}",
            summary.is_close_good,
        ),
        ("tables better than FLAML", summary.won, "{:.0%}", f"≥ {targets.MIN_WON:.0%}", summary.is_won_good),
    )
    measured = [
        (name, spelled.format(value), target, "reached" if is_good else "NOT REACHED")
        for name, value, spelled, target, is_good in rows
        if value is not None
    ]
    if measured:
        yield table(("figure", "reached", "target", "verdict"), measured) + "\n"


def _class_figures(standings: Sequence[TableStanding]) -> str:
    def cells(standing: TableStanding, name: str, figure: str) -> str:
        found = standing.find(name)
        return f"{found.others[figure]:.4f}" if found else "-"

    rows = (
        (f"{standing.facts.name}, {figure.replace('_', ' ')}", *(cells(standing, name, figure) for name in _NAMES))
        for standing in standings
        if standing.facts.classes
        for figure in ("accuracy", "macro_f1", "auc")
    )
    return table(("table, figure", *_NAMES), rows)


def _permuted(report: TablesReport) -> Iterator[str]:
    yield "### Permuted targets\n"
    yield "With the target in another order there is nothing to learn, so the gate must refuse every model.\n"
    rows = (
        (each.table, "refused" if each.is_refused else "PASSED", ", ".join(each.reasons) or "-")
        for each in report.permuted
    )
    yield table(("table", "the gate", "failed checks"), rows) + "\n"


def _sources(standings: Sequence[TableStanding]) -> str:
    heads = ("table", "package", "features, categories", "gaps", "classes, rarest", "left out", "licence")
    return table(heads, (_source_cells(each) for each in standings))


def _source_cells(standing: TableStanding) -> tuple[str, ...]:
    facts = standing.facts
    return (
        facts.name,
        f"{facts.package} {facts.version}".strip() or "a file",
        f"{facts.features}, {facts.categories}",
        f"{facts.gaps:.1%}",
        f"{facts.classes}, {facts.rarest:.1%}" if facts.rarest is not None else "-",
        "; ".join(f"{column}: {reason}" for column, reason in facts.dropped.items()) or "-",
        facts.licence,
    )
