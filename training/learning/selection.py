"""The selection of the best model: races, finals, recipes and blends, all evaluated on the same folds.

It uses only the training rows, and does what the plan of the training says (`training.learning.plan`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sklearn.pipeline import Pipeline

from registry.cost import us_per_row
from registry.scorer import score_of
from schemas.classes import ClassThreshold
from schemas.settings import Settings
from training.data.tables import Table
from training.learning.blending import best_blends
from training.learning.candidates import Candidate
from training.learning.encoded_table import EncodedTable, encode_table
from training.learning.engine import Engine, open_engine
from training.learning.finals import Finals, boosted_member
from training.learning.fitting import Fitter, name_of
from training.learning.folding import Split, backward_splits, fold_result, named_by, splits_of
from training.learning.members import FoldUnit, RecipeMember
from training.learning.metrics import deciding_metric, mean_and_sd
from training.learning.own_recipes import load_recipes
from training.learning.plan import TrainingPlan, make_plan, scaled_columns
from training.learning.portfolio import TreeShape
from training.learning.racing import Race, RaceEntry
from training.learning.recipes import BLEND, BOOSTING, Recipe, choose_recipes
from training.learning.steps import TrainingSteps
from training.learning.thresholds import check_threshold, choose_threshold
from training.learning.trials import Trial, trial_of
from training.progress import Progress

_SEARCHES = 5
"""Most searches, each round the best booster that none has gone round yet: a better one, as soon as it is found."""
_HOPELESS, _FIRST_FOLDS = 1.3, 2
"""A recipe with this much of the leader's loss on the first folds is dropped, unless it was asked for; and how many. Of
400 rows the ratio on one fold was 0.9 to 1.4 for one and the same recipe, on two 1.1 to 1.2."""


@dataclass(frozen=True, slots=True)
class Selection:
    """All candidates of a training, and the winner.

    Attributes:
        train: the training rows.
        metric: that decided.
        splits: the folds on which every candidate was evaluated, repetition by repetition.
        candidates: in the order of their evaluation.
        winner: the best of the candidates.
        pipeline: the winner's, fitted on all training rows.
        plan: what was to be done.
        spent: counted work.
        stopped_after: number of steps after which the clock stopped the training; None if it did not.
        threshold: from which probability on one of two classes is predicted; None for the most probable class.
        coverage: share of true values that intervals or prediction sets are to hold; None for none.
    """

    train: Table
    metric: str
    splits: tuple[Split, ...] = field(repr=False)
    candidates: tuple[Candidate, ...]
    winner: Candidate
    pipeline: Pipeline = field(repr=False)
    plan: TrainingPlan
    spent: float
    stopped_after: int | None = None
    threshold: ClassThreshold | None = None
    coverage: float | None = None


def select(train: Table, settings: Settings, progress: Progress, models: Sequence[str] = ()) -> Selection:
    """Compare shapes of boosted trees, recipes and blends on the training rows, and fit the best on all of them.

    Args:
        train: the training rows.
        settings: of training, and the limit on the cost of a row.
        progress: called with messages about the progress.
        models: names of recipes; by default those in the settings, or all that fit.

    Raises:
        ConfigurationError: a recipe or the cluster does not exist, or a threshold is asked for other than two classes.
        ModelRejectedError: ("cost") no model costs little enough.
    """
    names = list(models or settings.training.models)
    check_threshold(train.domain, settings.training.threshold)
    metric = deciding_metric(train.domain, settings.training)
    recipes = choose_recipes(train.domain, names, load_recipes(settings.training.recipes))
    table = encode_table(train)
    plan = make_plan(table, settings.training, metric, recipes, names)
    splits = splits_of(train, settings.training.model_copy(update={"folds": plan.folds, "repeats": plan.repeats}))
    for what, reason in plan.left_out.items():
        progress(f"left out: {what}: {reason}")
    with open_engine(table, settings.training.n_jobs, settings.dask) as engine:
        steps = TrainingSteps(engine, plan, progress, settings.training.steps)
        course = _Course(train, table, plan, metric, splits, settings, names, steps, progress)
        trials = course.trials(recipes)
        return course.finish(trials, engine)


@dataclass(frozen=True)
class _Course:
    """One training on its way from the plan to the winner."""

    train: Table
    table: EncodedTable
    plan: TrainingPlan
    metric: str
    splits: tuple[Split, ...]
    settings: Settings
    names: Sequence[str]
    steps: TrainingSteps
    progress: Progress

    @property
    def limit(self) -> float:
        return self.settings.swap.max_us_per_row

    @property
    def seed(self) -> int:
        return self.settings.training.seed

    def trials(self, recipes: Sequence[Recipe]) -> list[Trial]:
        """Everything that is compared, without blends."""
        race = Race(self.table, self.plan, self.metric, self.splits, self.seed, self.limit)
        leaders = race.leaders(self.steps) if BOOSTING in self.names or not self.names else []
        best = leaders[0].growth.losses[:_FIRST_FOLDS] if leaders else ()
        trials = [
            trial
            for recipe in recipes
            if recipe.name in self.plan.recipes and (trial := self._try_recipe(recipe, best)) is not None
        ]
        smooth = [trial.cost for trial in trials if trial.cost is not None and trial.members[0].is_smooth]
        return [*trials, *self._grow(leaders, Finals(race, max(smooth, default=0.0)))] if leaders else trials

    def _grow(self, leaders: Sequence[RaceEntry], finals: Finals) -> list[Trial]:
        """The boosters: the leaders of the races, the best that a search finds round them, and a mean over seeds."""
        boosted = finals.grow(leaders, self.steps)
        centres: set[TreeShape] = set()
        for number in range(_SEARCHES):
            unsearched = [trial for trial in boosted if boosted_member(trial).shape not in centres]
            if not unsearched:
                break
            centre = min(unsearched, key=lambda trial: trial.loss)
            centres.add(boosted_member(centre).shape)
            other = self.settings.training.model_copy(
                update={"seed": self.seed + 1 + number, "folds": self.plan.folds, "repeats": self.plan.repeats}
            )
            splits = finals.race.search_splits(splits_of(self.train, other))
            found = finals.search(centre, splits, self.steps, number)
            boosted += [found] if found is not None else []
        leader = min(boosted, key=lambda trial: trial.loss)
        averaged = finals.average_seeds(leader, self.steps)
        return [*boosted, averaged] if averaged is not None else boosted

    def _try_recipe(self, recipe: Recipe, best: Sequence[float]) -> Trial | None:
        """The trial of a recipe; None if it is hopeless, or if the training is stopped.

        Args:
            recipe: to try.
            best: the leader's losses on the first folds; the same folds, because they differ more than models do.
        """
        is_asked = recipe.name in self.names
        if not (is_asked or self.steps.may_start()):
            return None
        table, splits = self.table, [*self.splits, *backward_splits(len(self.table), self.splits)]
        columns, classes = scaled_columns(table), len(table.classes)
        units = [FoldUnit(recipe, train, validation, self.seed) for train, validation in splits]
        works = [recipe.work(len(unit.train), columns, classes) for unit in units]
        looked = 0 if is_asked else len(best)
        raw = self.steps.run(f"trying {recipe.name}", units[:looked], works[:looked]) if looked else []
        cost = None if recipe.cost is None else recipe.cost(len(table), columns, classes)
        member = RecipeMember(recipe)
        if looked:
            first = trial_of("", member, table, self.metric, self.splits[:looked], raw, None, cost)
            leading = float(np.mean(best))
            if not first.loss <= _HOPELESS * leading:
                self.progress(
                    f"left out: {recipe.name}: it loses {first.loss:.4g} on the first folds, the best {leading:.4g}"
                )
                return None
        raw += self.steps.run(f"trying {recipe.name}", units[looked:], works[looked:])
        others = raw[len(self.splits)] if len(raw) > len(self.splits) else None
        return trial_of(recipe.name, member, table, self.metric, self.splits, raw[: len(self.splits)], others, cost)

    def finish(self, trials: Sequence[Trial], engine: Engine) -> Selection:
        """Choose, fit the winner on all rows, and measure its cost."""
        everything = list(trials)
        if BLEND in self.names or not self.names:
            everything += best_blends(trials, self.table, self.metric, self.splits, self.limit)
        candidates = [self._candidate(trial) for trial in everything]
        fitter = Fitter(self.train, self.table, self.splits, self.seed, engine, self.progress)
        winner, trial, fitted = fitter.fit_affordable(everything, candidates, self.metric, self.limit)
        asked, probabilities = self.settings.training.threshold, winner.folds.probabilities
        threshold = None
        if asked is not None and probabilities is not None:
            threshold = choose_threshold(self.train.domain, self.train.target, probabilities, asked)
            self.progress(f"{threshold.name} is predicted from a probability of {threshold.probability:.3f} on")
        pipeline = fitter.pipeline(trial, fitted, threshold)
        measured = us_per_row(score_of(pipeline, self.train.domain.target.classes), self.table.matrix)
        chosen = replace(winner, us_per_row=measured, folds=named_by(winner.folds, self.train, threshold))
        return Selection(
            self.train,
            self.metric,
            self.splits,
            tuple(chosen if each is winner else each for each in candidates),
            chosen,
            pipeline,
            self.plan,
            self.steps.spent,
            self.steps.stopped_after,
            threshold,
            self.settings.interval.coverage,
        )

    def _candidate(self, trial: Trial) -> Candidate:
        in_order = self.table.to_domain_order
        backwards = backward_splits(len(self.table), self.splits)
        others = [] if trial.others is None else [(backwards[0], in_order(trial.others))]
        folds = fold_result(
            self.train, self.splits, self.metric, [in_order(each) for each in trial.predictions], others
        )
        mean, sd = mean_and_sd(folds.scores)
        cost = float("nan") if trial.cost is None else trial.cost
        params = trial.members[0].params()
        if len(trial.members) > 1:
            names = [name_of(member) for member in trial.members]
            params = {"members": names, "weights": list(trial.weights), "power": trial.power}
        is_affordable = trial.cost is None or trial.cost <= self.limit
        candidate = Candidate(trial.name, mean, sd, cost, is_affordable, folds, params, trial.is_mixed)
        shown = "cost not known before it is measured" if trial.cost is None else f"{cost:.1f} µs a row"
        self.progress(f"{trial.name}: {self.metric} {mean:.4g} ± {sd:.2g}, {shown}")
        return candidate
