"""`python -m benchmarks.explanations`: explanations a second and core beside shap, and what requests cost a consumer.

Rates are explanations a second of processor time, on one thread. The drain compares consumers that request 1 % of the
listings with consumers that request none, by turns; no explainer runs meanwhile, since it would need a core of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import thread_time
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from xgboost import XGBRegressor

from benchmarks.ending import end_with
from explainer.permutation_shap import PermutationShap
from explainer.tree_shap import trees_of
from registry.background import choose_background
from registry.booster import Score
from registry.scorer import ENCODE, score_of
from schemas.domain import load_domain
from schemas.frozen_model import FrozenModel
from schemas.rows import Matrix
from tasador.bench.contenders.contender import Contender, build_product
from tasador.bench.drain import measure_drain
from tasador.bench.drift_cost import boston
from tasador.bench.machine import Machine, describe_machine
from tasador.bench.model import train_reference
from tasador.bench.payloads import build_payloads
from tasador.bench.rig import Rig, bench_workspace, settings_for
from tasador.cli.terminal import print_line, print_note

REPORT = Path("reports/bench-explain.json")
GOALS = {"tree_shap": 2500.0, "permutation_shap": 50.0, "drain with 1 % requested": 0.97}
BATCH = 50


class ExplanationRate(FrozenModel):
    """One method on one model.

    Attributes:
        name: of the method.
        model: what is explained.
        per_s: explanations a second and core.
        additive_to: largest deviation of a sum, relative to the prediction.
        off: largest difference of a contribution from that with 200 background rows, as a share of the prediction: the
            mean over rows; None where there is no background.
    """

    name: str
    model: str
    per_s: float
    additive_to: float
    off: float | None = None


class ExplainReport(FrozenModel):
    """All figures.

    Attributes:
        drain_ratio: rate of a consumer with 1 % requested over that without; the median of the rounds.
    """

    made_at: datetime
    machine: Machine
    rates: tuple[ExplanationRate, ...]
    drain_ratio: float

    @property
    def is_good(self) -> bool:
        """Whether every goal is reached."""
        own = {rate.name: rate.per_s for rate in self.rates} | {"drain with 1 % requested": self.drain_ratio}
        return all(own[name] >= goal for name, goal in GOALS.items())


Explain = Callable[[Matrix], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""From rows (n, columns) to contributions (n, columns), and the sum of base and contributions (n,)."""


def tree_rates(rows: Matrix, target: NDArray[np.float64]) -> list[ExplanationRate]:
    """TreeSHAP of 400 trees of depth 3, beside shap's."""
    import shap  # type: ignore[import-untyped]

    estimator = XGBRegressor(n_estimators=400, max_depth=3, learning_rate=0.05, n_jobs=1, random_state=1)
    trained = estimator.fit(rows, target).get_booster()
    score = served_score(estimator, rows)
    trees = trees_of(score, rows[:20])
    if trees is None:
        raise SystemExit("the booster is not explained as trees")

    def own(some: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        found = trees.contributions(some)[:, 0]
        return found[:, :-1], found.sum(axis=1)

    explainer = shap.TreeExplainer(trained)

    def others(some: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        values = np.asarray(explainer.shap_values(some), dtype=np.float64)
        return values, values.sum(axis=1) + float(np.ravel(explainer.expected_value)[0])

    model = "400 trees of depth 3"
    return [_rate("tree_shap", model, own, score, rows), _rate("shap.TreeExplainer", model, others, score, rows)]


def permutation_rates(rows: Matrix, score: Score) -> list[ExplanationRate]:
    """Permutation over a blend with 100 background rows, beside shap's."""
    import shap

    few, many = (PermutationShap(score, choose_background(rows, 1, count=count)) for count in (100, 200))

    def by(own: PermutationShap) -> Explain:
        def explain(some: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            values = np.stack([own.contributions(row)[0] for row in some])
            return values, values.sum(axis=1) + own.base

        return explain

    def of_shap(permutations: int) -> Explain:
        masker = shap.maskers.Independent(choose_background(rows, 1), max_samples=100)
        explainer = shap.PermutationExplainer(score, masker, seed=1)
        evaluations = permutations * (2 * rows.shape[1] + 1)

        def explain(some: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            found = explainer(some, max_evals=evaluations, silent=True)
            return np.asarray(found.values), found.values.sum(axis=1) + found.base_values

        return explain

    model, some = "blend of three over 13 columns", rows[::40]
    reference = by(many)(some)[0]
    ways = {"permutation_shap": by(few), "shap, 1 permutation": of_shap(1), "shap, 10 permutations": of_shap(10)}
    return [_rate(name, model, explain, score, some, reference) for name, explain in ways.items()]


def _rate(
    name: str, model: str, explain: Explain, score: Score, rows: Matrix, reference: NDArray[np.float64] | None = None
) -> ExplanationRate:
    batch = rows[:BATCH]
    explain(batch[:2])
    begin = thread_time()
    values, sums = explain(batch)
    seconds = thread_time() - begin
    predictions = score(batch)
    additive_to = float(np.max(np.abs(sums - predictions) / np.abs(predictions)))
    off = None
    if reference is not None:
        off = float(np.mean(np.abs(values - reference[:BATCH]).max(axis=1) / np.abs(predictions)))
    return ExplanationRate(name=name, model=model, per_s=len(batch) / seconds, additive_to=additive_to, off=off)


def blend_of(rows: Matrix, target: NDArray[np.float64]) -> Score:
    """A blend of a booster, gradient boosting and a linear model, scored as the product scores blends."""
    from sklearn.ensemble import GradientBoostingRegressor, VotingRegressor
    from sklearn.linear_model import Ridge
    from xgboost import XGBRegressor

    members: Sequence[Any] = [
        ("xgboost", XGBRegressor(n_estimators=300, max_depth=4, learning_rate=0.05, n_jobs=1)),
        ("boosting", GradientBoostingRegressor(n_estimators=300, max_depth=4, random_state=1)),
        ("ridge", Ridge()),
    ]
    return served_score(VotingRegressor(list(members)).fit(rows, target), rows)


def served_score(fitted: Any, rows: Matrix) -> Score:
    """The score of a fitted estimator as consumers compute it; its pipeline passes the columns on."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    encode = ColumnTransformer([("columns", "passthrough", list(range(rows.shape[1])))]).fit(rows)
    return score_of(Pipeline([(ENCODE, encode), ("estimate", fitted)]), ())


def drain_ratio(listings: int, rounds: int) -> float:
    """The rate of a consumer that requests 1 % over that of one that requests none."""
    requesting = Contender("requesting", "with 1 % requested", settings={"EXPLAIN__SHARE": "0.01"})
    with bench_workspace() as (url, home):
        settings = settings_for(url, home)
        rig = Rig(url, settings, train_reference(settings, print_note))
        payloads = build_payloads(load_domain("housing"), listings)
        ratios = []
        for number in range(1, rounds + 1):
            pair = [build_product(), requesting]
            order = pair if number % 2 else pair[::-1]
            rates = {each.name: measure_drain(rig, each, payloads, number).events_per_s for each in order}
            ratios.append(rates["requesting"] / rates[pair[0].name])
            print_note(f"round {number}: {ratios[-1]:.3f}")
    return median(ratios)


def explanations(
    listings: Annotated[int, typer.Option(help="Listings of a drain.")] = 200_000,
    rounds: Annotated[int, typer.Option(help="Rounds of the drain.")] = 5,
    output: Annotated[Path, typer.Option(help="Report file.")] = REPORT,
) -> None:
    """Measure explanations; exits with 1 if a goal is missed."""
    warnings.simplefilter("ignore")  # shap warns about future versions of its libraries
    domain, rows = boston()
    target = np.array([row[domain.target.name] for row in domain.contract.built_in_table()], dtype=np.float64)
    with threadpool_limits(1):
        rates = (*tree_rates(rows, target), *permutation_rates(rows, blend_of(rows, target)))
    for rate in rates:
        off = "" if rate.off is None else f", {rate.off:.1%} from 200 background rows"
        print_line(f"{rate.name} ({rate.model}): {rate.per_s:,.0f}/s, additive to {rate.additive_to:.0e}{off}")
    ratio = drain_ratio(listings, rounds)
    print_line(f"drain with 1 % requested: {ratio:.3f}")
    report = ExplainReport(made_at=datetime.now(UTC), machine=describe_machine(), rates=rates, drain_ratio=ratio)
    end_with(report, output)


if __name__ == "__main__":
    typer.run(explanations)
