"""The counted cost of a fitted pipeline, from the trees that it holds.

Before a booster is grown its cost is counted from its shape. Its trees may turn out deeper, or look for more sets of
categories than the shape tells. What is counted here is the same on every machine, unlike a measured cost.

It is the cost of XGBoost's library, which adds up the trees for single rows and small batches. Full batches of shallow
trees take about half of it (see `registry.serving.tree_tables`).
"""

from __future__ import annotations

from sklearn.pipeline import Pipeline

from registry.serving.compiler import NoServingFormError
from registry.serving.compiling import CompiledModel, compile_pipeline
from registry.serving.formula import Apply, Chain, Formula, Kernel, Mean, Sharpen, Trees
from registry.serving.trees import TreeModel
from training.learning.work import grown_cost, kriging_cost


def count_us_per_row(pipeline: Pipeline, *, has_classes: bool) -> float | None:
    """Counted cost of a row in µs; None where only a measurement tells it.

    Args:
        pipeline: fitted, with all steps.
        has_classes: whether it predicts classes.
    """
    try:
        compiled = compile_pipeline(pipeline, has_classes=has_classes)
    except NoServingFormError:
        return None
    return _cost(compiled.formula, compiled)


def _cost(formula: Formula, compiled: CompiledModel) -> float | None:
    cost: float | None = 0.0
    match formula:
        case Trees():
            cost = _cost_of_trees(compiled.models.get(formula.booster), len(formula.memberships))
        case Kernel(points):
            cost = kriging_cost(points.shape[0])
        case Chain(then=inner) | Apply(to=inner) | Sharpen(of=inner):
            cost = _cost(inner, compiled)
        case Mean(members):
            costs = [_cost(member, compiled) for member in members]
            cost = None if None in costs else sum(each or 0.0 for each in costs)
    return cost


def _cost_of_trees(model: TreeModel | None, columns: int) -> float | None:
    if model is None or model.has_vectors:
        return None
    looking = [bool(tree.categories) for tree in model.trees]
    return grown_cost([tree.levels for tree in model.trees], looking, len(model.offset), columns)
