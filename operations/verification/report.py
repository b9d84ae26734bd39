"""The report of verification: what was checked, and which problems were found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from operations.verification.problems import KEPT, Problem
from operations.verify import OutcomeVerdict, join_verdicts
from schemas.frozen_model import FrozenModel
from schemas.settings import Settings
from schemas.shards import entry_name

OnProgress = Callable[[str, int, int], None]
"""Called with the name of a stage, the entries done, and the total."""


def allowed_pending_ms(settings: Settings) -> int:
    """How long an entry may be pending in normal operation.

    The entries of a dead consumer are idle for `claim_idle_ms`, and others look for them at half that interval. An
    entry that kills every consumer repeats this for each allowed delivery, and once more until it is dead-lettered.
    """
    return round(1.5 * settings.claim_idle_ms * (settings.max_deliveries + 1))


class VerificationReport(FrozenModel):
    """The result of verification.

    Attributes:
        verdict: whether each entry has one outcome.
        late: number of entries pending for longer than allowed.
        allowed_pending_ms: how long an entry may be pending.
        predictions: number of predictions whose activation was checked.
        batches: number of batches compared with the window.
        rows: number of rows of the window compared with their prediction.
        batches_unseen: entries of the window that could not be compared, because their predictions were trimmed.
        arms: number of predictions that name a rollout, whose arm was checked.
        pairs: number of pairs of rollouts compared with their prediction.
        is_sum_checked: whether the sum of all predictions was compared with the counted sum.
        problem_counts: number of problems by kind.
        problems: at most a thousand of each kind.
    """

    verdict: OutcomeVerdict
    late: int
    allowed_pending_ms: int
    predictions: int
    batches: int
    rows: int
    batches_unseen: int
    arms: int
    pairs: int
    is_sum_checked: bool
    problem_counts: dict[str, int]
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        """Whether no problem was found; entries that still wait, or whose answers were trimmed, are not problems."""
        return not self.problem_counts

    @property
    def is_complete(self) -> bool:
        """Whether no problem was found and every entry has its outcome."""
        return self.is_sound and self.verdict.is_kept


def join_reports(reports: Mapping[int, VerificationReport]) -> VerificationReport:
    """The report of a domain, from those of its shards by number; entries get the names that publishing returned."""
    if list(reports) == [0]:
        return reports[0]
    counts: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    problems: list[Problem] = []
    for shard, report in reports.items():
        counts.update(report.problem_counts)
        for problem in report.problems:
            kept[problem.kind] += 1
            if kept[problem.kind] <= KEPT:
                entry = entry_name(shard, problem.entry) if problem.entry else None
                where = "" if entry else f"shard {shard}: "
                problems.append(Problem(kind=problem.kind, entry=entry, message=f"{where}{problem.message}"))
    each = reports.values()
    return VerificationReport(
        verdict=join_verdicts({shard: report.verdict for shard, report in reports.items()}),
        late=sum(one.late for one in each),
        allowed_pending_ms=max(one.allowed_pending_ms for one in each),
        predictions=sum(one.predictions for one in each),
        batches=sum(one.batches for one in each),
        rows=sum(one.rows for one in each),
        batches_unseen=sum(one.batches_unseen for one in each),
        arms=sum(one.arms for one in each),
        pairs=sum(one.pairs for one in each),
        is_sum_checked=all(one.is_sum_checked for one in each),
        problem_counts=dict(counts),
        problems=tuple(problems),
    )
