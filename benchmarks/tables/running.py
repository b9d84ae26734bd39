"""Runs contenders on the outer folds of tables, and keeps each score as soon as it is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

from benchmarks.tables.contenders import FLAML, HISTOGRAM, LIBRARIES, OURS, XGBOOST, Attempt, try_library, try_ours
from benchmarks.tables.flaml import try_flaml
from benchmarks.tables.folds import OuterFold, outer_folds
from benchmarks.tables.preparing import PreparedTable
from benchmarks.tables.results import FoldScore, ResultsFile
from benchmarks.tables.scores import deciding_score, scores_of
from benchmarks.tables.standings import TableStanding, facts_of, standing_of
from schemas.errors import ConfigurationError
from tasador.bench.machine import xgboost_version
from training.progress import Progress

CONTENDERS = (XGBOOST, HISTOGRAM, OURS, FLAML)
_FLAML_PINS = Path(__file__).with_name("requirements.txt")


@dataclass(frozen=True)
class PanelRun:
    """What to run.

    Attributes:
        contenders: names of the contenders, from `CONTENDERS`.
        seconds: the time budget of ours.
        flaml_seconds: least processor time for FLAML, which gets as much as ours took if that is more.
        folds: outer folds of each table; by default by the number of rows.
        is_resumed: whether a stored score of ours is taken over; those of the library defaults always are.
        is_flaml_kept: whether a stored score of FLAML is taken over though ours took more processor time now: it may be
            of faster cores, on which ours took less.
    """

    contenders: tuple[str, ...] = CONTENDERS
    seconds: float = 30.0
    flaml_seconds: float = 0.0
    folds: int | None = None
    is_resumed: bool = False
    is_flaml_kept: bool = False

    def run_table(self, prepared: PreparedTable, results: ResultsFile, progress: Progress) -> TableStanding:
        """Run the contenders on the outer folds of a table.

        Raises:
            ConfigurationError: FLAML has no budget, or its environment does not exist.
        """
        folds = outer_folds(prepared.table, self.folds)
        progress(f"{prepared.panel.name}: {len(prepared.table):,} rows, {len(folds)} outer folds")
        scores = [score for fold in folds for score in self._run_fold(prepared, fold, len(folds), results, progress)]
        return standing_of(facts_of(prepared.panel, prepared.table), scores)

    def _run_fold(
        self, prepared: PreparedTable, fold: OuterFold, folds: int, results: ResultsFile, progress: Progress
    ) -> Iterator[FoldScore]:
        for contender in (name for name in CONTENDERS if name in self.contenders):
            seconds = self.budget_of(contender, fold, results)
            stored = results.find(fold.sha256, contender)
            if stored and self.is_taken_over(stored, seconds):
                yield stored
                continue
            attempt = self._try(contender, prepared, fold, seconds, progress)
            score = FoldScore(
                table=prepared.panel.name,
                fold=fold.number,
                folds=folds,
                fold_sha256=fold.sha256,
                contender=contender,
                seconds=seconds,
                scores=scores_of(fold.test, attempt.predicted),
                core_s=round(attempt.core_s, 2),
                wall_s=round(attempt.wall_s, 2),
                model=attempt.model,
                versions=versions_of(contender),
                made_at=datetime.now(UTC),
            )
            results.add(score)
            figures = f"{deciding_score(score.scores):.5g}, {score.core_s:.0f} core seconds, {score.model}"
            progress(f"{prepared.panel.name}, fold {fold.number + 1} of {folds}: {contender} {figures}")
            yield score

    def budget_of(self, contender: str, fold: OuterFold, results: ResultsFile) -> float | None:
        """The budget of a contender on a fold, in seconds; None for library defaults, which have none.

        Raises:
            ConfigurationError: FLAML has no budget, because ours has not run and none is given.
        """
        if contender in LIBRARIES:
            return None
        if contender == OURS:
            return self.seconds
        ours = results.find(fold.sha256, OURS)
        seconds = max(self.flaml_seconds, ours.core_s if ours else 0.0)
        if not seconds:
            raise ConfigurationError("FLAML gets the processor time that ours took: run ours, or give --flaml-seconds")
        return seconds

    def is_taken_over(self, stored: FoldScore, seconds: float | None) -> bool:
        """Whether a stored score counts in a run with this budget."""
        if stored.versions != versions_of(stored.contender):
            return False
        if stored.contender == OURS:
            return self.is_resumed and stored.seconds == seconds
        # FLAML may have had more than ours took, not less
        return seconds is None or self.is_flaml_kept or (stored.seconds or 0.0) >= seconds

    def _try(
        self, contender: str, prepared: PreparedTable, fold: OuterFold, seconds: float | None, progress: Progress
    ) -> Attempt:
        if contender in LIBRARIES:
            return try_library(contender, fold)
        if contender == OURS:
            return try_ours(fold, prepared.settings, self.seconds, progress)
        return try_flaml(fold, seconds or 0.0)


@cache
def versions_of(contender: str) -> dict[str, str]:
    """The versions of the libraries that a contender's figures depend on."""
    if contender == FLAML:
        pins = (line.partition("==") for line in _FLAML_PINS.read_text(encoding="utf-8").splitlines())
        return {name: pinned for name, _, pinned in pins if name in {"flaml", "lightgbm", "xgboost-cpu"}}
    versions = {"scikit-learn": version("scikit-learn"), "xgboost": xgboost_version()}
    return {XGBOOST: {"xgboost": versions["xgboost"]}, HISTOGRAM: {"scikit-learn": versions["scikit-learn"]}}.get(
        contender, versions
    )
