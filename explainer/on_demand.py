"""Explains one listing when an operator asks: the stored explanation, or one that is computed now."""

from __future__ import annotations

from datetime import UTC, datetime

import redis

from explainer.answer_events import ranked
from explainer.finding import PredictedRow, find_explanation, find_predicted_row
from explainer.model_explainer import Attribution, ModelExplainer, load_explainer
from registry.cache import ModelCache
from registry.location import cache_folder_of, tracking_uri_of
from schemas.domain import Domain
from schemas.errors import ExplanationError, ModelError
from schemas.explanations import ExplainedListing, ExplanationData, ExplanationMethod
from schemas.rows import RowBuilder
from schemas.settings import Settings
from schemas.shards import answer_source
from schemas.states import DesiredModel


def explain_listing(
    client: redis.Redis, settings: Settings, domain: Domain, listing_id: str, source: str | None = None
) -> ExplainedListing:
    """The explanation of a listing's newest prediction.

    Args:
        client: replies must be bytes.
        settings: of the domain.
        domain: the listing's.
        listing_id: the listing's id.
        source: its source; None for any.

    Raises:
        ExplanationError: it is unknown or trimmed, or no method fits its model.
        RegistryUnavailableError: its model cannot be loaded now.
        redis.exceptions.RedisError: as the server answered.
    """
    stored = find_explanation(client, settings.streams, listing_id, source)
    if stored is not None:
        return stored
    found = find_predicted_row(client, settings, domain, listing_id, source)
    version = found.data["model"]["version"]
    try:
        explainer = load_version(settings, domain, version, find_desired(client, settings))
    except ModelError as error:
        raise ExplanationError(f"listing {listing_id!r} was predicted by version {version}: {error}") from error
    matrix = RowBuilder(domain).matrix_of_columns({name: [found.features[name]] for name in domain.columns})
    (attribution,) = explainer.explain(matrix)
    return _event(domain, found, explainer.method, attribution)


def load_version(
    settings: Settings, domain: Domain, version: str, desired: DesiredModel | None = None
) -> ModelExplainer:
    """The explainer of a version; MLflow is asked only for one that is not desired.

    Raises:
        ModelError: there is no such version, or it cannot be explained.
        RegistryUnavailableError: it cannot be loaded now.
    """
    if desired is None or desired.version != version:
        from registry.store import Registry

        desired = Registry(tracking_uri_of(settings), domain.name).resolve(version=version).desired("0-0")
    cache = ModelCache(cache_folder_of(settings), tracking_uri_of(settings))
    return load_explainer(cache.fetch(desired), domain)


def find_desired(client: redis.Redis, settings: Settings) -> DesiredModel | None:
    """The desired model; None before the first activation."""
    return DesiredModel.from_hash(client.hgetall(settings.streams.model))  # type: ignore[arg-type]


def _event(domain: Domain, found: PredictedRow, method: ExplanationMethod, one: Attribution) -> ExplainedListing:
    kept = {name: found.data[name] for name in ("interval", "candidates", "coverage") if name in found.data}
    data = ExplanationData(
        listing_id=found.data["listing_id"],
        listing_source=found.data["listing_source"],
        prediction=one.prediction,
        method=method,
        unit=one.unit,
        value=one.value,
        base=one.base,
        contributions=ranked(domain.columns, found.features, one),
        model=found.data["model"],
        **kept,
    )
    now = datetime.now(UTC)
    return ExplainedListing(
        id=found.entry_id, source=answer_source(domain.name, found.shard), time=now, subject=found.subject, data=data
    )
