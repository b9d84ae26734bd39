"""The models that a consumer has loaded: the one that scores, and the challenger of a rollout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.cache import ModelCache
from registry.loading import load_to_serve
from registry.scorer import Scorer
from schemas.classes import ClassThreshold
from schemas.domain import Domain
from schemas.rollouts import DesiredRollout
from schemas.stamp import Stamp
from schemas.states import DesiredModel


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The model that scores.

    Attributes:
        scorer: scores a matrix.
        stamp: names the model on predictions.
        low: smallest value of each column in training, (columns,).
        high: largest value of each column in training, (columns,).
        usual: between which predictions nearly all training rows lie; None of a classification.
        digest: of its artifact; explainers find it by digest and address.
        uri: of its artifact.
        threshold: from which probability on one of two classes is predicted; None for the most probable class.
    """

    scorer: Scorer
    stamp: Stamp
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    usual: tuple[float, float] | None = None
    digest: str = ""
    uri: str = ""
    threshold: ClassThreshold | None = None


def load_served_model(cache: ModelCache, desired: DesiredModel, domain: Domain, stamp: Stamp) -> ServedModel:
    """Fetch and load a model. Blocks.

    Raises:
        ModelRejectedError: a check failed.
        RegistryUnavailableError: it cannot be fetched or loaded now.
    """
    return served_model_of(load_to_serve(cache.fetch(desired), domain), stamp, desired.digest, desired.uri)


def served_model_of(scorer: Scorer, stamp: Stamp, digest: str = "", uri: str = "") -> ServedModel:
    """A loaded model as consumers serve it; digest and address are needed only for requests for explanations."""
    card = scorer.card
    low, high = card.bounds
    return ServedModel(scorer, stamp, low, high, card.usual, digest, uri, card.threshold)


@dataclass(frozen=True, slots=True)
class ServedRollout:
    """A rollout that a consumer carries out.

    Attributes:
        state: as the consumer read it last.
        challenger: loaded aside.
        salt: the number that its salt stands for (`schemas.arms.salt_of`).
    """

    state: DesiredRollout
    challenger: ServedModel
    salt: int
