"""A request for an explanation, parsed from its entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.domain import Domain
from schemas.explanations import REQUEST_FIELD
from schemas.rows import Matrix, RowBuilder
from schemas.stamp import Stamp
from schemas.states import DesiredModel
from schemas.streams import DATA_FIELD
from transport.consumer_group import Entry


class _Data(msgspec.Struct, gc=False):
    listing_id: str
    listing_source: str
    model: Stamp
    interval: tuple[float, float] | None = None
    candidates: list[str] | None = None
    coverage: float | None = None


class PredictedListing(msgspec.Struct, gc=False):
    """What an explanation takes over from a prediction's event."""

    id: str
    data: _Data
    subject: str | None = None
    traceparent: str | None = None


class _Row(msgspec.Struct, gc=False):
    """The fast form of `schemas.explanations.ExplainRequest`."""

    features: dict[str, float | str | None]
    digest: str
    uri: str


class InvalidRequestError(ValueError):
    """An entry is no request that can be answered; says why."""

    def __init__(self, message: str, listing: PredictedListing | None = None) -> None:
        super().__init__(message)
        self.listing = listing


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """One request.

    Attributes:
        entry_id: of the request.
        listing: the prediction to explain.
        features: by column, None for a gap.
        row: the same as a matrix of one row (1, columns).
        model: that predicted.
    """

    entry_id: bytes
    listing: PredictedListing
    features: dict[str, float | str | None]
    row: Matrix
    model: DesiredModel


_decode_prediction = msgspec.json.Decoder(PredictedListing).decode
_decode_row = msgspec.json.Decoder(_Row).decode


class RequestParser:
    """Parses the requests of one domain."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._builder = RowBuilder(domain)

    def parse(self, entry: Entry) -> ParsedRequest:
        """Parse one entry.

        Raises:
            InvalidRequestError: it is no request, or its row does not fit the domain.
        """
        listing: PredictedListing | None = None
        fields = entry.fields
        try:
            listing = _decode_prediction(fields[DATA_FIELD])
            row = _decode_row(fields[REQUEST_FIELD])
            columns: dict[str, list[Any]] = {name: [row.features[name]] for name in self._domain.columns}
            matrix = self._builder.matrix_of_columns(columns)
        except msgspec.MsgspecError as error:
            raise InvalidRequestError(str(error), listing) from error
        except (KeyError, ValueError, TypeError) as error:
            raise InvalidRequestError(f"the request does not fit {self._domain.name}: {error!r}", listing) from error
        stamp = listing.data.model
        model = DesiredModel(activation=stamp.activation, version=stamp.version, digest=row.digest, uri=row.uri)
        return ParsedRequest(entry.id, listing, row.features, matrix, model)
