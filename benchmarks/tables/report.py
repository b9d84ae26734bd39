"""The report of the panel: our training against the others on each half of the tables, and what was to be reached."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from statistics import median

from pydantic import computed_field

from benchmarks.tables.panel import Half
from benchmarks.tables.permuted import PermutedOutcome
from benchmarks.tables.standings import TableStanding
from schemas.frozen_model import FrozenModel
from tasador.bench.machine import Machine

MAX_WORST, MAX_MEDIAN = 1.01, 0.82
"""Against the better library default: largest ratio of any table, and largest median over tables."""
CLOSE, MIN_CLOSE, MIN_WON = 1.02, 0.8, 0.6
"""Against FLAML: a ratio that counts as close, the share of tables that must be close, and the share to win."""


class Summary(FrozenModel):
    """Ours on several tables. A figure is None if its contenders did not run.

    Attributes:
        tables: how many.
        worst: largest ratio to the better library default; so is `median`.
        close: share of the tables on which ours is within `CLOSE` of FLAML; `won` is the share on which it is better.
    """

    tables: int
    worst: float | None
    median: float | None
    close: float | None
    won: float | None

    @property
    def is_worst_good(self) -> bool:
        """Whether no table is worse than the better library default, or none was compared."""
        return self.worst is None or self.worst <= MAX_WORST

    @property
    def is_median_good(self) -> bool:
        """Whether the median reaches its target, or there is none."""
        return self.median is None or self.median <= MAX_MEDIAN

    @property
    def is_close_good(self) -> bool:
        """Whether enough tables are close to FLAML, or none was compared."""
        return self.close is None or self.close >= MIN_CLOSE

    @property
    def is_won_good(self) -> bool:
        """Whether ours is better than FLAML on enough tables, or none was compared."""
        return self.won is None or self.won >= MIN_WON

    @computed_field  # type: ignore[prop-decorator]
    @property
    def is_good(self) -> bool:
        """Whether all figures that were measured reach their targets."""
        return self.is_worst_good and self.is_median_good and self.is_close_good and self.is_won_good


class TablesReport(FrozenModel):
    """The panel, and when, where and how it ran.

    Attributes:
        made_at: when the report was put together; folds may be older.
        machine: where.
        command: that made it.
        versions: of the libraries of all contenders and of the tables' packages.
        tables: in the order of the panel.
        permuted: what the gate said of permuted targets.
    """

    made_at: datetime
    machine: Machine
    command: str
    versions: dict[str, str]
    tables: tuple[TableStanding, ...]
    permuted: tuple[PermutedOutcome, ...] = ()

    def of_half(self, half: Half) -> list[TableStanding]:
        """The tables of one half."""
        return [table for table in self.tables if table.facts.half == half]

    @property
    def is_good(self) -> bool:
        """Whether all targets are reached on both halves, and no model of a permuted target passed."""
        halves: tuple[Half, ...] = ("development", "kept")
        return all(summary_of(self.of_half(half)).is_good for half in halves) and all(
            outcome.is_refused for outcome in self.permuted
        )


def summary_of(tables: Iterable[TableStanding]) -> Summary:
    """The summary of tables."""
    standings = list(tables)
    library = [ratio for each in standings if (ratio := each.against_library) is not None]
    flaml = [ratio for each in standings if (ratio := each.against_flaml) is not None]
    return Summary(
        tables=len(standings),
        worst=max(library, default=None),
        median=median(library) if library else None,
        close=sum(ratio <= CLOSE for ratio in flaml) / len(flaml) if flaml else None,
        won=sum(ratio < 1 for ratio in flaml) / len(flaml) if flaml else None,
    )
