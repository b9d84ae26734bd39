"""The events that answer requests, encoded as their contracts in `schemas.explanations` say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from explainer.model_explainer import Attribution
from explainer.request import ParsedRequest, PredictedListing
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.explanations import ExplanationMethod, UnexplainedReason
from schemas.shards import answer_source

_encode = msgspec.json.Encoder().encode


class AnswerEvents:
    """Encodes the answers of one shard of a domain."""

    def __init__(self, domain: Domain, shard: int = 0) -> None:
        self._source = answer_source(domain.name, shard)
        self._columns = domain.columns

    def explained(self, request: ParsedRequest, method: ExplanationMethod, found: Attribution) -> bytes:
        """The explanation of one listing."""
        data = request.listing.data
        return self._event(
            "listing.explained",
            request.listing,
            {
                "listing_id": data.listing_id,
                "listing_source": data.listing_source,
                "prediction": found.prediction,
                "method": method,
                "unit": found.unit,
                "value": found.value,
                "base": found.base,
                "contributions": ranked(self._columns, request.features, found),
                "model": data.model,
                "interval": data.interval,
                "candidates": data.candidates,
                "coverage": data.coverage,
            },
        )

    def unexplained(self, listing: PredictedListing | None, reason: UnexplainedReason, message: str) -> bytes:
        """Why a listing is not explained; `listing` is None where the request does not name it."""
        listing_id, source = (listing.data.listing_id, listing.data.listing_source) if listing else ("", "")
        named = {"listing_id": listing_id, "listing_source": source, "reason": reason, "message": message}
        return self._event("listing.unexplained", listing, named | {"model": listing.data.model if listing else None})

    def rejected(self, listing: PredictedListing, error: ModelRejectedError) -> bytes:
        """A listing is not explained because of its model."""
        reason: UnexplainedReason = "no_method" if error.check == "background" else "model_rejected"
        return self.unexplained(listing, reason, f"version {listing.data.model.version}: {error}")

    def _event(self, kind: str, listing: PredictedListing | None, data: Mapping[str, Any]) -> bytes:
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": listing.id if listing else "",
            "source": self._source,
            "type": kind,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if listing:
            event |= {"subject": listing.subject, "traceparent": listing.traceparent}
        event = {name: value for name, value in event.items() if value is not None}
        return _encode(event | {"data": {name: value for name, value in data.items() if value is not None}})


def ranked(
    columns: tuple[str, ...], features: Mapping[str, float | str | None], found: Attribution
) -> list[dict[str, float | str | None]]:
    """The contributions, the largest first; `features` are the row's values by column, None for a gap."""
    pairs = sorted(zip(columns, found.contributions.tolist(), strict=True), key=lambda pair: -abs(pair[1]))
    return [{"feature": name, "value": features.get(name), "contribution": one} for name, one in pairs]
