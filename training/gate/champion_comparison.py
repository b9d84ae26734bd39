"""The comparison of a version with the champion: both scored on the same rows, in the best way that the data allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.sections import GateSettings
from training.evaluation.figures import figures_of
from training.gate.fetching import fetch_pipeline, fetch_record, fetch_scorer
from training.gate.fresh import fresh_splits, score_champion_rows, score_fresh_rows
from training.gate.record import FoldRecord
from training.gate.report import Footing
from training.learning.folding import FoldResult, cross_validate


@dataclass(frozen=True, slots=True)
class ChampionComparison:
    """Scores of a version and of the champion on the same rows.

    Attributes:
        footing: which rows these are, and how the champion was scored on them.
        version: the version's fold record; its folds hold only these rows as validation rows.
        champion: the champion's scores on the same folds, and its predictions for the same table.
        old_rows: the deciding metric of the version and of the champion on the champion's own training rows, where
            fresh rows decide; None otherwise.
    """

    footing: Footing
    version: FoldRecord
    champion: FoldResult
    old_rows: tuple[float, float] | None = None

    def footing_with_figures(self) -> Footing:
        """The footing, with the figures of both on its rows."""
        own = FoldResult(self.version.scores, self.version.out_of_fold, self.version.probabilities)
        figures = {"figures": _figures(self.version, own), "champion_figures": _figures(self.version, self.champion)}
        return self.footing.model_copy(update=figures)


@dataclass(frozen=True, slots=True)
class ChampionComparer:
    """Compares versions with one champion.

    Args:
        registry: holds all versions.
        domain: of the models.
        gate: how many fresh rows are enough.
        champion: the version to compare with.
    """

    registry: Registry
    domain: Domain
    gate: GateSettings
    champion: ModelVersionInfo

    def compare(self, info: ModelVersionInfo, record: FoldRecord) -> ChampionComparison:
        """Compare a version with the champion.

        On the same rows and folds, the champion's own record has its scores. On other rows, the champion as it serves
        now is scored on fresh rows if there are enough. Otherwise its recipe is fitted again in the version's folds.

        Args:
            info: the version.
            record: its fold record.

        Raises:
            ModelRejectedError: the champion cannot be evaluated on these rows.
            RegistryUnavailableError: MLflow does not answer.
        """
        try:
            champion = fetch_record(self.registry, self.champion, self.domain)
        except ModelRejectedError as error:
            return self._refit(record, str(error))
        if champion.key == record.key:
            reason = "both were trained on the same rows and folds"
            footing = Footing(how="same_folds", rows=len(record.train), reason=reason)
            return ChampionComparison(
                footing, record, FoldResult(champion.scores, champion.out_of_fold, champion.probabilities)
            )
        splits = fresh_splits(record, champion.train)
        sizes = [len(validation) for _, validation in splits]
        fresh, fewest = sum(sizes), min(sizes)
        reason = (
            f"{fresh} rows are new to champion {self.champion.version}, {fewest} of them in the smallest fold; "
            f"at least {self.gate.fresh_rows} and {self.gate.fresh_fold_rows} are required "
            "(gate.fresh_rows, gate.fresh_fold_rows)"
        )
        if fresh < self.gate.fresh_rows or fewest < self.gate.fresh_fold_rows:
            return self._refit(record, reason)
        try:
            scorer = fetch_scorer(self.registry, self.champion, self.domain)
        except ModelRejectedError as error:
            return self._refit(record, f"champion {self.champion.version} cannot be loaded: {error}")
        own_scorer = fetch_scorer(self.registry, info, self.domain)
        try:
            version_fresh, champion_fresh = score_fresh_rows(record, splits, scorer.score)
            old_rows = score_champion_rows(record, champion, own_scorer.score)
        except ValueError as error:
            # scikit-learn computes no metric from a prediction that is not a number
            raise ModelRejectedError("folds", str(error).splitlines()[0]) from error
        footing = Footing(how="fresh_rows", rows=fresh, reason=reason)
        return ChampionComparison(footing, version_fresh, champion_fresh, old_rows)

    def _refit(self, record: FoldRecord, reason: str) -> ChampionComparison:
        pipeline = fetch_pipeline(self.registry, self.champion)
        try:
            champion = cross_validate(pipeline, record.train, record.splits, record.metric)
        except (KeyError, ValueError) as error:
            raise ModelRejectedError("signature", str(error).splitlines()[0]) from error
        return ChampionComparison(Footing(how="recipe", rows=len(record.train), reason=reason), record, champion)


def _figures(record: FoldRecord, result: FoldResult) -> dict[str, float]:
    """Figures of predictions for the validation rows of a record; empty if one of them is no finite number."""
    domain, rows = record.train.domain, record.validation_rows
    predicted = result.out_of_fold[rows]
    if not np.isfinite(result.scores).all() or not (domain.target.classes or np.isfinite(predicted).all()):
        return {}
    over_folds = {f"cv_{record.metric}": float(np.mean(result.scores))}
    probabilities = None if result.probabilities is None else result.probabilities[rows]
    return over_folds | figures_of(domain, record.train.target[rows], predicted, probabilities)
