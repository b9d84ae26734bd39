"""Compares two versions: figures on the same rows, by segment, where they differ most and why, parameters and data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from producer.encoding import encode_listing
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.explanations import ExplanationData
from schemas.settings import Settings
from tasador.comparing.common_rows import CommonRows, find_common_rows
from tasador.prediction.loading import load_local_model
from tasador.prediction.local_model import LocalModel
from training import Gate
from training.data.tables import Table
from training.evaluation.bootstrap import bootstrap_interval
from training.evaluation.segments import segments_of
from training.learning.metrics import CLASS_METRICS, NUMBER_METRICS, deciding_metric, score

SHOWN_ROWS = 5
_MOST_ROWS = 2000


@dataclass(frozen=True, slots=True)
class PairOfFigures:
    """One figure of both versions.

    Attributes:
        name: of the figure, or of the segment.
        first: of the first version; None if it has none.
        second: of the second version.
        rows: that it covers.
        intervals: 95 % intervals of both by bootstrap over the rows.
    """

    name: str
    first: Any
    second: Any
    rows: int | None = None
    intervals: tuple[tuple[float, float], tuple[float, float]] | None = None


@dataclass(frozen=True, slots=True)
class DifferingRow:
    """A row on which the versions differ.

    Attributes:
        features: its values by column.
        truth: the target's value.
        predictions: of both served models.
        explanations: of both; None of a version that no method fits.
    """

    features: Mapping[str, Any]
    truth: Any
    predictions: tuple[Any, Any]
    explanations: tuple[ExplanationData | None, ExplanationData | None]


@dataclass(frozen=True, slots=True)
class VersionComparison:
    """What the page shows.

    Attributes:
        versions: the two versions.
        domain: theirs.
        metric: by which segments are compared.
        rows: how many rows both versions were evaluated on.
        on_same_rows: metrics on these rows.
        segments: the deciding metric by segment.
        differing: the rows on which predictions differ most, the largest difference first.
        metrics: of the trainings.
        parameters: those that differ.
        data: where the training rows come from.
    """

    versions: tuple[ModelVersionInfo, ModelVersionInfo]
    domain: Domain
    metric: str
    rows: int
    on_same_rows: tuple[PairOfFigures, ...]
    segments: tuple[PairOfFigures, ...]
    differing: tuple[DifferingRow, ...]
    metrics: tuple[PairOfFigures, ...]
    parameters: tuple[PairOfFigures, ...]
    data: tuple[PairOfFigures, ...]


def compare_versions(
    registry: Registry, settings: Settings, first: ModelVersionInfo, second: ModelVersionInfo
) -> VersionComparison:
    """Compare two versions.

    Raises:
        ModelRejectedError: a version cannot be loaded.
        RegistryUnavailableError: MLflow does not answer.
    """
    domain = settings.load_domain()
    metric = deciding_metric(domain, settings.training)
    common = find_common_rows(Gate(registry, domain, settings), first, second)
    runs = [registry.client.get_run(info.run_id).data.params for info in (first, second)]
    facts = [
        {"source": params.get("source"), "sha256": info.data_sha256[:12], "trained": info.trained_at[:19]}
        for params, info in zip(runs, (first, second), strict=True)
    ]
    return VersionComparison(
        (first, second),
        domain,
        metric,
        len(common.table) if common else 0,
        _on_same_rows(domain, metric, common) if common else (),
        _by_segment(domain, metric, common) if common else (),
        _differing(settings, common.table, first, second) if common else (),
        _pairs(first.metrics, second.metrics),
        tuple(pair for pair in _pairs(*runs) if pair.first != pair.second),
        _pairs(*facts),
    )


def _on_same_rows(domain: Domain, metric: str, common: CommonRows) -> tuple[PairOfFigures, ...]:
    truth = common.table.target
    pairs = []
    for name in CLASS_METRICS if domain.target.classes else NUMBER_METRICS:
        one, other = (score(domain, name, truth, predicted) for predicted in common.predictions)
        intervals = None
        if name == metric:
            first, second = (bootstrap_interval(domain, name, truth, predicted) for predicted in common.predictions)
            intervals = (first, second)
        pairs.append(PairOfFigures(name, one, other, len(truth), intervals))
    return tuple(pairs)


def _by_segment(domain: Domain, metric: str, common: CommonRows) -> tuple[PairOfFigures, ...]:
    frame, truth = common.table.frame, common.table.target
    pairs = []
    for segment in segments_of(domain, frame, frame):
        if len(segment.rows) > 1:
            rows = segment.rows
            one, other = (score(domain, metric, truth[rows], each[rows]) for each in common.predictions)
            pairs.append(PairOfFigures(segment.name, one, other, len(rows)))
    return tuple(pairs)


def _differing(
    settings: Settings, table: Table, first: ModelVersionInfo, second: ModelVersionInfo
) -> tuple[DifferingRow, ...]:
    """Where the served models differ most, among at most 2,000 of the rows."""
    models = [load_local_model(settings, info.version) for info in (first, second)]
    some = table.take(np.arange(len(table))[:: -(-len(table) // _MOST_ROWS)])
    matrix = models[0].matrix_of(some.frame)
    scores = [model.scorer.score(matrix).reshape(len(matrix), -1) for model in models]
    order = np.argsort(-np.abs(scores[0] - scores[1]).max(axis=1), kind="stable")[:SHOWN_ROWS]
    shown = some.take(order)
    records = [
        {str(name): None if value != value else value for name, value in row.items()}  # noqa: PLR0124 - NaN
        for row in shown.frame.to_dict("records")
    ]
    payloads = [encode_listing({"id": str(number), "data": row}) for number, row in enumerate(records)]
    answers = [[answer.data.prediction for answer in model.answers(payloads)] for model in models]
    explained = [_explained(model, payloads) for model in models]
    return tuple(
        DifferingRow(row, truth, (one, other), why)
        for row, truth, one, other, why in zip(
            records, shown.target.tolist(), *answers, zip(*explained, strict=True), strict=True
        )
    )


def _explained(model: LocalModel, payloads: list[bytes]) -> list[ExplanationData | None]:
    try:
        return list(model.explanations(payloads))
    except ModelRejectedError:  # no method fits it
        return [None] * len(payloads)


def _pairs(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[PairOfFigures, ...]:
    names = sorted({name for name in (*first, *second) if "/" not in name})
    return tuple(PairOfFigures(name, first.get(name), second.get(name)) for name in names)
