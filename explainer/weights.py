"""The weight of each feature in the explanations of late, beside its weight in training, and which has moved.

The weight of a feature is the mean share of a row's contributions that it has, whatever their sign. Training is
represented by the background rows of the version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import msgspec
import numpy as np
import redis
from numpy.typing import NDArray

from explainer.model_explainer import ModelExplainer
from explainer.on_demand import find_desired, load_version
from monitoring.drift.statistics import ks
from monitoring.drift.verdicts import holm
from schemas.command_line import spell_command
from schemas.domain import Domain
from schemas.errors import ExplanationError, ModelError, NothingReportedError
from schemas.frozen_model import FrozenModel
from schemas.settings import Settings
from schemas.streams import DATA_FIELD, Streams
from transport.sharded_reading import scan_shards_back
from transport.shards import read_layout

MIN_EXPLANATIONS = 50
MIN_MOVE = 0.05
"""The smallest change of a weight that counts, as a share of all contributions."""
MAX_P = 0.01
"""Probability of a false alarm, over all features."""

Shares = NDArray[np.float64]


class FeatureWeight(FrozenModel):
    """The weight of one feature.

    Attributes:
        training: in training.
        current: in the explanations of late.
        p: p-value of Kolmogorov-Smirnov on its shares, after Holm.
        has_moved: whether the change is large enough, and significant.
    """

    feature: str
    training: float
    current: float
    p: float
    has_moved: bool


class WeightReport(FrozenModel):
    """The weights of all features, the largest current weight first.

    Attributes:
        version: the desired version.
        explanations: how many of late were compared.
        background_rows: with how many rows of training.
    """

    domain: str
    version: str
    explanations: int
    background_rows: int
    features: tuple[FeatureWeight, ...]

    @property
    def moved(self) -> tuple[str, ...]:
        """Names of the features whose weight has moved."""
        return tuple(each.feature for each in self.features if each.has_moved)


class _Contribution(msgspec.Struct):
    feature: str
    contribution: float


class _Model(msgspec.Struct):
    version: str


class _Data(msgspec.Struct):
    model: _Model | None = None
    contributions: list[_Contribution] = []


class _Event(msgspec.Struct):
    data: _Data


_decode = msgspec.json.Decoder(_Event).decode


def read_weights(client: redis.Redis, settings: Settings, domain: Domain, last: int) -> WeightReport:
    """Compare the newest explanations of the desired version with training.

    Args:
        client: replies must be bytes.
        settings: of the domain.
        domain: its features.
        last: how many explanations to compare at most.

    Raises:
        NothingReportedError: no model is desired, or there are too few explanations of it.
        ExplanationError: its version cannot be explained, or has no background rows.
        RegistryUnavailableError: it cannot be loaded now.
        redis.exceptions.RedisError: as the server answered.
    """
    desired = find_desired(client, settings)
    if desired is None:
        raise NothingReportedError(f"no model is active: `{spell_command('train', domain.name)}`")
    current = [*islice(_contributions(client, settings.streams, domain, desired.version), last)]
    if len(current) < MIN_EXPLANATIONS:
        raise NothingReportedError(
            f"{len(current)} explanations of version {desired.version} are on the stream, {MIN_EXPLANATIONS} are "
            "needed: set `explain.share` in params.yaml, and run `tasador explainer`"
        )
    try:
        explainer = load_version(settings, domain, desired.version, desired)
    except ModelError as error:
        raise ExplanationError(f"version {desired.version}: {error}") from error
    features = compare_weights(domain.columns, _training(explainer, desired.version), _shares(current))
    return WeightReport(
        domain=domain.name,
        version=desired.version,
        explanations=len(current),
        background_rows=0 if explainer.background is None else len(explainer.background),
        features=features,
    )


def compare_weights(columns: Sequence[str], training: Shares, current: Shares) -> tuple[FeatureWeight, ...]:
    """The weights by feature, from each row's shares in training (m, columns) and of late (n, columns)."""
    p_values = holm([ks(before, now)[1] for before, now in zip(training.T, current.T, strict=True)])
    weights = [
        FeatureWeight(
            feature=name,
            training=float(before),
            current=float(now),
            p=p,
            has_moved=bool(abs(now - before) >= MIN_MOVE and p < MAX_P),
        )
        for name, before, now, p in zip(columns, training.mean(axis=0), current.mean(axis=0), p_values, strict=True)
    ]
    return tuple(sorted(weights, key=lambda weight: -weight.current))


def _training(explainer: ModelExplainer, version: str) -> Shares:
    if explainer.background is None:
        raise ExplanationError(f"version {version} has no background rows to compare with: train it again")
    return _shares([found.contributions for found in explainer.explain(explainer.background)])


def _contributions(
    client: redis.Redis, streams: Streams, domain: Domain, version: str
) -> Iterable[NDArray[np.float64]]:
    shards = read_layout(client, streams).streams(streams)
    for _, _, fields in scan_shards_back(client, shards, lambda shard: shard.explanations):
        data = _decode(fields[DATA_FIELD]).data
        by_feature = {one.feature: one.contribution for one in data.contributions}
        if data.model and data.model.version == version and by_feature.keys() == {*domain.columns}:
            yield np.array([by_feature[name] for name in domain.columns])


def _shares(contributions: Sequence[NDArray[np.float64]]) -> Shares:
    sizes = np.abs(np.stack(contributions))
    totals = sizes.sum(axis=1, keepdims=True)
    shares: Shares = np.divide(sizes, totals, out=np.zeros_like(sizes), where=totals > 0)
    return shares
