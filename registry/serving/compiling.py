"""Compiles a fitted pipeline to what is stored of its serving form: a formula, classes and boosters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry.serving.compiler import Compiler
from registry.serving.formula import Formula, boosters_in
from registry.serving.trees import TreeModel

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class CompiledModel:
    """What a pipeline compiles to.

    Attributes:
        formula: of its predictions, from the matrix that its first step makes.
        classes: in the order of the outputs; empty for a regression.
        boosters: by the file that the formula names.
        models: the trees of those boosters that can be taken apart, by the same names.
    """

    formula: Formula
    classes: list[str]
    boosters: dict[str, bytes]
    models: dict[str, TreeModel]


def compile_pipeline(pipeline: Pipeline, *, has_classes: bool) -> CompiledModel:
    """The serving form of a fitted pipeline that begins with `encode`.

    Args:
        pipeline: fitted.
        has_classes: whether it predicts classes.

    Raises:
        NoServingFormError: there is no converter for one of its parts.
    """
    # imported here because these take scikit-learn and XGBoost
    from registry.serving import estimator_converters, step_converters, tree_converters

    estimators = {**estimator_converters.converters(), **tree_converters.converters()}
    compiler = Compiler(estimators, step_converters.converters(), _most_codes(pipeline[0]))
    formula = compiler.estimator(pipeline[1:])
    formula = compiler.without_categories(formula, is_explained=not has_classes)
    sources = {name: compiler.sources[name] for name in boosters_in(formula)}
    boosters = {name: source.stored() for name, source in sources.items()}
    models = {name: model for name, source in sources.items() if (model := source.tree_model())}
    return CompiledModel(formula, [str(name) for name in pipeline.classes_] if has_classes else [], boosters, models)


def _most_codes(encode: Any) -> int:
    categories = [
        each for _, step, _ in getattr(encode, "transformers_", ()) for each in getattr(step, "categories_", ())
    ]
    return max(map(len, categories), default=0)
