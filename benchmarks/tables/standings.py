"""Every contender on one table: its losses on equal outer folds, and ours as a ratio of the others'.

A ratio is that of two losses on the same fold, below 1 if ours is smaller; a table has the median of its folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, median

from pydantic import computed_field

from benchmarks.tables.contenders import FLAML, LIBRARIES, OURS
from benchmarks.tables.panel import Half, PanelTable
from benchmarks.tables.results import FoldScore
from benchmarks.tables.scores import deciding_score
from benchmarks.tables.sources import version_of
from schemas.errors import DataError
from schemas.frozen_model import FrozenModel
from training.data.tables import Table


class TableFacts(FrozenModel):
    """What a table is, as the product read it.

    Attributes:
        name: of the table; `half`, `task`, `package`, `licence` and `dropped` are as in the panel.
        version: of the package; empty for a file of the caller.
        rows: that training accepts.
        features: number of features; `categories` of them are no numbers.
        gaps: share of the cells that are empty.
        classes: number of classes; 0 for a regression.
        rarest: share of the rarest class; None for a regression.
    """

    name: str
    half: Half
    task: str
    package: str
    version: str
    licence: str
    dropped: dict[str, str]
    rows: int
    features: int
    categories: int
    gaps: float
    classes: int
    rarest: float | None


class ContenderLosses(FrozenModel):
    """One contender on the outer folds of a table.

    Attributes:
        name: of the contender.
        losses: of each fold.
        others: means of the figures beside the loss, by name.
        core_s: median processor time of a fold.
        seconds: budgets of the folds; empty without one.
        models: what it chose in each fold.
    """

    name: str
    losses: tuple[float, ...]
    others: dict[str, float]
    core_s: float
    seconds: tuple[float, ...]
    models: tuple[str, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def loss(self) -> float:
        """The mean over folds."""
        return mean(self.losses)


class TableStanding(FrozenModel):
    """All contenders on one table, on equal folds."""

    facts: TableFacts
    metric: str
    folds: int
    contenders: tuple[ContenderLosses, ...]

    def find(self, name: str) -> ContenderLosses | None:
        """A contender by its name, None if it did not run."""
        return next((each for each in self.contenders if each.name == name), None)

    @property
    def better_library(self) -> ContenderLosses | None:
        """The library whose defaults have the smaller mean loss."""
        ran = [standing for name in LIBRARIES if (standing := self.find(name))]
        return min(ran, key=lambda each: each.loss) if ran else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def against_library(self) -> float | None:
        """Our loss as a ratio of the better library default's."""
        return self._ratio(self.better_library)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def against_flaml(self) -> float | None:
        """Our loss as a ratio of FLAML's."""
        return self._ratio(self.find(FLAML))

    def _ratio(self, other: ContenderLosses | None) -> float | None:
        ours = self.find(OURS)
        if ours is None or other is None:
            return None
        return median(own / theirs for own, theirs in zip(ours.losses, other.losses, strict=True))


def standing_of(facts: TableFacts, scores: Sequence[FoldScore]) -> TableStanding:
    """The standing of a table from the scores of its folds.

    Raises:
        DataError: contenders did not run on the same folds.
    """
    names = list(dict.fromkeys(score.contender for score in scores))
    by_name = {name: sorted((s for s in scores if s.contender == name), key=lambda s: s.fold) for name in names}
    folds = {name: tuple(score.fold_sha256 for score in own) for name, own in by_name.items()}
    if len(set(folds.values())) > 1:
        raise DataError(f"{facts.name}: contenders did not run on the same folds: {', '.join(names)}")
    return TableStanding(
        facts=facts,
        metric=next(iter(scores[0].scores)),
        folds=len(folds[names[0]]),
        contenders=tuple(_contender(name, own) for name, own in by_name.items()),
    )


def _contender(name: str, scores: Sequence[FoldScore]) -> ContenderLosses:
    _, *others = scores[0].scores
    return ContenderLosses(
        name=name,
        losses=tuple(deciding_score(score.scores) for score in scores),
        others={other: mean(score.scores[other] for score in scores) for other in others},
        core_s=median(score.core_s for score in scores),
        seconds=tuple(score.seconds for score in scores if score.seconds is not None),
        models=tuple(score.model for score in scores),
    )


def facts_of(panel: PanelTable, table: Table) -> TableFacts:
    """The facts of a table."""
    domain = table.domain
    counts = [int((table.target == name).sum()) for name in domain.target.classes]
    return TableFacts(
        name=panel.name,
        half=panel.half,
        task=panel.task,
        package=panel.package,
        version=version_of(panel.package) if panel.package else "",
        licence=panel.licence,
        dropped=dict(panel.dropped),
        rows=len(table),
        features=len(domain.features),
        categories=sum(bool(feature.categories) for feature in domain.features),
        gaps=float(table.frame.isna().to_numpy().mean()),
        classes=len(counts),
        rarest=min(counts) / len(table) if counts else None,
    )
