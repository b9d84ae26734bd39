"""The models that a consumer has loaded: the one that scores, and the challenger of a rollout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.cache import ModelCache
from registry.loading import load_to_serve
from registry.scorer import Scorer
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
    """

    scorer: Scorer
    stamp: Stamp
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    usual: tuple[float, float] | None = None
    digest: str = ""
    uri: str = ""


def load_served_model(cache: ModelCache, desired: DesiredModel, domain: Domain, stamp: Stamp) -> ServedModel:
    """Fetch and load a model. Blocks.

    Raises:
        ModelRejectedError: a check failed.
        RegistryUnavailableError: it cannot be fetched or loaded now.
    """
    scorer = load_to_serve(cache.fetch(desired), domain)
    low, high = scorer.card.bounds
    return ServedModel(scorer, stamp, low, high, scorer.card.usual, desired.digest, desired.uri)


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
