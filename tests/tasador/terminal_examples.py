"""Output of the command line on fixed data; ``python -m tests.tasador.terminal_examples`` stores it at both widths."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from operations.dead_letters import KeptLetter
from operations.letter_counts import ReasonCount
from registry.catalogue import RegisteredModel
from registry.versions import ModelVersionInfo
from schemas.drift import ColumnDrift, DriftReport, WindowSpan
from schemas.events import DeadLetter, DeadLetterData, FieldProblem
from schemas.quality import ClassQuality, Quality, QualityReport, Span, SuddenLoss
from schemas.refusals import Reason
from tasador.cli.dead_letters.showing import counts_table, letters_table
from tasador.cli.views.drift import drift_table
from tasador.cli.views.quality import quality_tables
from tasador.cli.views.registry import comparison_table, gate_table, models_table, versions_table

FOLDER = Path(__file__).parent / "terminal"
WIDTHS = (80, 120)
_TIME = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def _version(number: int, algorithm: str, status: str, aliases: tuple[str, ...], **metrics: float) -> ModelVersionInfo:
    return ModelVersionInfo(
        name="housing",
        version=str(number),
        digest="d" * 64,
        uri="/models/1",
        run_id="r",
        algorithm=algorithm,
        trained_at="2026-11-28T12:00:00+00:00",
        data_sha256="5f2c" * 16,
        status=status,
        command_id=None,
        aliases=aliases,
        metrics=metrics,
    )


_VERSIONS = [
    _version(12, "xgboost-reference", "failed", (), cv_rmse=3.0521, test_rmse=11.24, us_per_row=10.5),
    _version(9, "blend", "passed", ("champion", "the-one-for-the-audit"), cv_rmse=2.81, test_rmse=2.9, us_per_row=7.25),
    _version(1, "linear", "forced", ("previous_champion",), cv_rmse=4.8256, us_per_row=0.677),
]


def _gate() -> RenderableType:
    checks = [
        {"name": "digest", "outcome": "passed", "reason": "fetched anew, it is what was registered"},
        {
            "name": "gain",
            "outcome": "failed",
            "reason": "18.45 % worse than the champion; must be at least 1 % better on the same folds of the same rows",
        },
    ]
    footing = {"how": "folds", "rows": 506, "reason": "both were evaluated on the same rows and folds"}
    override = {"actor": "ops@desk", "reason": "the champion leaks"}
    verdict = {"stage": "Production", "champion": "9", "time": "2026-11-28T12:00:00Z", "checks": checks}
    return gate_table(verdict | {"footing": footing, "override": override})


def _drift() -> RenderableType:
    def column(name: str, **fields: Any) -> ColumnDrift:
        given = {"role": "feature", "kind": "number", "rows": 1000, "reference_rows": 404, "verdict": "no_drift"}
        shares = {"missing_share": 0.0, "reference_missing_share": 0.0, "alarms": (False, False, False)}
        return ColumnDrift.model_validate({"name": name, **given, **shares, **fields})

    columns = (
        column("RM", wasserstein_sd=0.61, p=0.0000012, psi=1.25, mean_shift_sd=0.6, unusual_share=0.123,
               verdict="drift", alarms=(True, True, False)),
        column("AGE", wasserstein_sd=0.02, p=0.4, psi=0.01, mean_shift_sd=-0.01, missing_share=0.2,
               reference_missing_share=0.104),
        column("family_history_with_overweight", kind="category", js=0.31, p=0.04, psi=0.2,
               new_categories=("Los Angeles", "O'Fallon"), verdict="not_enough_rows", alarms=(True, None, None)),
        column("MEDV", role="prediction", wasserstein_sd=0.1, p=0.2, psi=0.05, mean_shift_sd=0.1, unusual_share=0.01),
    )  # fmt: skip
    windows = tuple(WindowSpan(rows=1000) for _ in range(3))
    return drift_table(
        DriftReport(domain="housing", verdict="drift", windows=windows, needed=2, reference_rows=404, columns=columns)
    )


def _quality() -> RenderableType:
    whole = Quality(part="all", predictions=123_456, labelled=45_678, labelled_share=0.37, fast_share=0.998, mae=2.13,
                    rmse=3.01, r2=0.87, bias=-0.21, far_share=0.034)  # fmt: skip
    parts = (whole, Quality(part="version 9", predictions=100_000, labelled=40_000, labelled_share=0.4, mae=2.1, rmse=3,
                            r2=0.88, bias=0.1, far_share=0.03), Quality(part="LSTAT 3 of 3", labelled=31, mae=3.5,
                            rmse=12_345.6, bias=1.25, far_share=0.4))  # fmt: skip
    loss = SuddenLoss(time=_TIME, before=2.1, after=6.4)
    report = QualityReport(domain="housing", spans={"24h": parts, "7d": (whole,), "30d": (whole,)}, waiting=1200,
                           orphaned=3, sudden_loss=loss)  # fmt: skip
    return quality_tables(report, "24h", "thousands of dollars")


def _classes() -> RenderableType:
    common = ClassQuality(name="<=50K", outcomes=3012, predicted=2990, correct=2800, recall=0.93, precision=0.936)
    rare = ClassQuality(name="a long name of a class [A+]", outcomes=0, predicted=12, correct=0, precision=0.0)
    whole = Quality(part="all", predictions=4000, labelled=3012, labelled_share=0.75, accuracy=0.93, macro_f1=0.47)
    whole = whole.model_copy(update={"classes": (common, rare)})
    spans: dict[Span, tuple[Quality, ...]] = {"24h": (whole,), "7d": (whole,), "30d": (whole,)}
    return quality_tables(QualityReport(domain="income", spans=spans, waiting=0, orphaned=0), "24h", "")


def _reasons() -> RenderableType:
    def count(reason: Reason, number: int, error: str) -> ReasonCount:
        return ReasonCount(reason=reason, count=number, newest="1795219101518-0", listing_id="home-1", error=error)

    return counts_table(
        [
            count(Reason.MISSING_FEATURE, 12_345, "RM: a value is required, and may not be missing in this domain"),
            count(Reason.NOT_JSON, 3, ""),
            count(Reason.UNKNOWN_FEATURE, 1, "an_identifier_without_any_blank_that_is_longer_than_a_word: is unknown"),
        ]
    )


def _letters() -> RenderableType:
    errors = [FieldProblem(field="LSTAT", message="Input should be less than or equal to 100")]
    data = DeadLetterData(
        listing_id="home-1",
        listing_source="",
        reason=Reason.OUT_OF_RANGE,
        errors=errors,
        payload="{}",
        payload_bytes=2,
        payload_sha256="",
        delivery_count=1,
        consumer="a1",
    )
    event = DeadLetter(id="1-0", source="tasador/housing", time=_TIME, data=data)
    return letters_table([KeptLetter("1795219101518-0", event)])


EXAMPLES: dict[str, Callable[[], RenderableType]] = {
    "registry-list": lambda: models_table(
        [RegisteredModel("housing", 12, "9", None), RegisteredModel("flats", 1, None, "1")], {}
    ),
    "registry-versions": lambda: versions_table(_VERSIONS),
    "registry-compare": lambda: comparison_table(_VERSIONS[0], _VERSIONS[1]),
    "registry-gate": _gate,
    "drift": _drift,
    "quality": _quality,
    "quality-classes": _classes,
    "dead-letters-by-reason": _reasons,
    "dead-letters-list": _letters,
}


def rendered(name: str, width: int) -> str:
    """An example as a terminal of this width shows it, without colours."""
    console = Console(width=width, file=io.StringIO(), color_system=None, emoji=False)
    with _utc():
        console.print(EXAMPLES[name]())
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


@contextmanager
def _utc() -> Iterator[None]:
    """Local time is UTC, on every machine."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def file_of(name: str, width: int) -> Path:
    """Where an example is stored."""
    return FOLDER / f"{name}-{width}.txt"


if __name__ == "__main__":
    for each in EXAMPLES:
        for columns in WIDTHS:
            file_of(each, columns).write_text(rendered(each, columns), encoding="utf-8")
