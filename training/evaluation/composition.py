"""What a fitted pipeline is made of: its estimators, their weights, and the parameters that differ from defaults."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class Component:
    """One estimator of a model.

    Attributes:
        name: of the member of a blend, with that of the blend inside it; empty for the only estimator of a model.
        weight: share of the prediction; the weights of all components have the sum 1.
        estimator: its class.
        steps: names of the steps before it in its pipeline, in order.
        target_scale: the function that its target is transformed by; None without one.
        params: parameters that differ from the class's defaults, as JSON values.
    """

    name: str
    weight: float
    estimator: str
    steps: tuple[str, ...]
    target_scale: str | None
    params: dict[str, Any]


def components_of(pipeline: Pipeline) -> tuple[Component, ...]:
    """The estimators whose predictions a model adds up; one, unless it is a blend or a stack."""
    return tuple(_components(pipeline, (), 1.0, (), None))


def _components(
    estimator: Any, names: tuple[str, ...], weight: float, steps: tuple[str, ...], target_scale: str | None
) -> Iterator[Component]:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.ensemble import VotingClassifier, VotingRegressor
    from sklearn.pipeline import Pipeline

    from registry.steps.sharpening import SharpenedClassifier

    if isinstance(estimator, Pipeline):
        own_steps = tuple(name for name, _ in estimator.steps[:-1])
        yield from _components(estimator[-1], names, weight, steps + own_steps, target_scale)
    elif isinstance(estimator, TransformedTargetRegressor):
        yield from _components(estimator.regressor, names, weight, steps, estimator.func.__name__)
    elif isinstance(estimator, SharpenedClassifier):
        yield from _components(estimator.estimator, names, weight, (*steps, "sharpen"), target_scale)
    elif isinstance(estimator, VotingClassifier | VotingRegressor):
        shares = _shares(estimator.weights, len(estimator.estimators))
        for (name, member), share in zip(estimator.estimators, shares, strict=True):
            # a vote of one only translates class names
            inner = (*names, name) if len(shares) > 1 else names
            yield from _components(member, inner, weight * share, steps, target_scale)
    else:
        params = parameters_of(estimator)
        yield Component(": ".join(names), weight, type(estimator).__name__, steps, target_scale, params)


def parameters_of(estimator: Any) -> dict[str, Any]:
    """The parameters of an estimator that are set and differ from its class's defaults, as JSON values."""
    defaults = {name: each.default for name, each in inspect.signature(type(estimator).__init__).parameters.items()}
    values = {name: value for name, value in estimator.get_params(deep=False).items() if not _is_unset(value)}
    return {name: plain(value) for name, value in values.items() if repr(value) != repr(defaults.get(name))}


def plain(value: Any) -> Any:
    """A parameter as a JSON value."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value if isinstance(value, str | int | float | bool | list | None) else str(value)


def _is_unset(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN


def _shares(weights: Sequence[float] | None, count: int) -> list[float]:
    own = [float(weight) for weight in weights or [1.0] * count]
    return [weight / sum(own) for weight in own]
