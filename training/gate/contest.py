"""The contest: a version and the champion judged on the same rows, and on which footing."""

from __future__ import annotations

from dataclasses import dataclass

from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.sections import GateSettings
from training.gate.fetching import fetch_pipeline, fetch_record, fetch_scorer
from training.gate.fresh import fresh_splits, old_figures, on_fresh_rows
from training.gate.record import FoldRecord
from training.gate.report import Footing
from training.learning.folding import FoldResult, cross_validate


@dataclass(frozen=True, slots=True)
class Contest:
    """What two did on the same rows.

    Attributes:
        footing: which rows these are, and what stands for the champion.
        ours: the record of the version, its folds judged by these rows alone.
        theirs: the champion's scores on the same folds and its answers to the same table.
        old: the deciding metric of the version and of the champion over the champion's own rows, which the folds do
            not judge; None where they do.
    """

    footing: Footing
    ours: FoldRecord
    theirs: FoldResult
    old: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Arranging:
    """Arranges contests with one champion.

    Args:
        registry: where all versions are.
        domain: what they are made for.
        gate: how many fresh rows are enough.
        champion: against whom.
    """

    registry: Registry
    domain: Domain
    gate: GateSettings
    champion: ModelVersionInfo

    def contest(self, found: ModelVersionInfo, record: FoldRecord) -> Contest:
        """The contest for a version, on the best footing that there is.

        On the same rows and folds the champion's own record says what it did. On other rows it is judged as it answers
        today, by fresh rows, where they are enough. Otherwise its recipe is fitted again in the version's folds.

        Args:
            found: the version.
            record: its fold record.

        Raises:
            ModelRejectedError: the champion cannot be tried on these rows.
            RegistryUnavailableError: MLflow does not answer.
        """
        try:
            theirs = fetch_record(self.registry, self.champion, self.domain)
        except ModelRejectedError as error:
            return self._refitted(record, str(error))
        if theirs.key == record.key:
            reason = "both were trained on the same rows and folds"
            footing = Footing(how="same_folds", rows=len(record.learn), reason=reason)
            return Contest(footing, record, FoldResult(theirs.scores, theirs.out_of_fold))
        splits = fresh_splits(record, theirs.learn)
        sizes = [len(judge) for _, judge in splits]
        fresh, fewest = sum(sizes), min(sizes)
        told = f"{fresh} rows are new to champion {self.champion.version}, {fewest} of them in the smallest fold"
        asked = f"{self.gate.fresh_rows} and {self.gate.fresh_fold_rows} are asked for"
        if fresh < self.gate.fresh_rows or fewest < self.gate.fresh_fold_rows:
            return self._refitted(record, f"{told}; {asked} (gate.fresh_rows, gate.fresh_fold_rows)")
        try:
            scorer = fetch_scorer(self.registry, self.champion, self.domain)
        except ModelRejectedError as error:
            return self._refitted(record, f"champion {self.champion.version} cannot answer today: {error}")
        version = fetch_scorer(self.registry, found, self.domain)
        try:
            ours, answered = on_fresh_rows(record, splits, scorer.score)
            old = old_figures(record, theirs, version.score)
        except ValueError as error:
            # an answer that is no number has no figures
            raise ModelRejectedError("folds", str(error).splitlines()[0]) from error
        return Contest(Footing(how="fresh_rows", rows=fresh, reason=f"{told}; {asked}"), ours, answered, old)

    def _refitted(self, record: FoldRecord, why: str) -> Contest:
        pipeline = fetch_pipeline(self.registry, self.champion)
        try:
            theirs = cross_validate(pipeline, record.learn, record.splits)
        except (KeyError, ValueError) as error:
            raise ModelRejectedError("signature", str(error).splitlines()[0]) from error
        return Contest(Footing(how="recipe", rows=len(record.learn), reason=why), record, theirs)
