"""The shapes of requests: which listings a body holds, and the event that is published for each.

A body is the features themselves, a CloudEvent, a list of either, or any object that holds one list of objects.
"""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from gateway.problems import FieldProblemAnswer, HttpProblemError, ProblemAnswer, problem
from schemas.domain import Domain
from schemas.errors import RefusedListingError
from schemas.events import MAX_ID
from schemas.limits import check_limits, safe_bytes
from schemas.sections import LimitSettings
from service.trace_context import is_traceparent

LIFTED = ("id", "subject", "explain")
"""Attributes of the event that may stand among the features, unless the domain has a feature of that name."""

_encode = msgspec.json.Encoder().encode
KEY_PATTERN = f"^[!-~]{{1,{MAX_ID}}}$"
_is_key = re.compile(KEY_PATTERN.removesuffix("$")).fullmatch


class RequestContext(NamedTuple):
    """What the head of a request says about its listings.

    Attributes:
        source: of the events: `gateway/` and the name of the caller's key.
        key: of idempotency; empty if none is given.
        traceparent: of W3C Trace Context; empty if none is given.
    """

    source: str
    key: str = ""
    traceparent: str = ""


class Submission(NamedTuple):
    """A listing that is about to be published.

    Attributes:
        payload: the JSON of its event.
        listing_id: as in the event; None if it is no string.
        features: as they were sent; empty if they are no object.
    """

    payload: bytes
    listing_id: str | None
    features: Mapping[str, Any]


class ListingShapes:
    """Reads the listings of one domain from the bodies of requests.

    Args:
        domain: declares the features.
        limits: of a payload.
        max_batch: largest number of listings in a body.
    """

    def __init__(self, domain: Domain, limits: LimitSettings, max_batch: int) -> None:
        self._columns = frozenset(domain.columns)
        self._categories = {f.column: frozenset(f.categories) for f in domain.features if f.categories}
        self._lifted = tuple(name for name in LIFTED if name not in self._columns)
        self._limits = limits
        self._safe_bytes = safe_bytes(limits)
        self._max_batch = max_batch
        self._process = uuid.uuid4().hex[:12]
        self._numbers = itertools.count(1)

    def rows(self, body: object) -> tuple[Sequence[Any], bool]:
        """The listings of a body, each as it stands there, and whether they are a batch.

        Raises:
            HttpProblemError: (400) the body holds no listings, (413) too many.
        """
        if isinstance(body, dict):
            rows = self._list_in(body)
            if rows is None:
                return (body,), False
        elif isinstance(body, list):
            rows = body
        else:
            raise problem(400, "not_an_object", "the body must be a JSON object or a list of objects")
        if not rows:
            raise problem(400, "no_listings", "the batch holds no listings")
        if len(rows) > self._max_batch:
            limit = f"gateway.max_batch is {self._max_batch:,}"
            raise problem(413, "too_many_listings", f"the batch holds {len(rows):,} listings; {limit}")
        return rows, True

    def submit(self, row: object, context: RequestContext, number: int | None = None) -> Submission:
        """The event of one listing.

        Args:
            row: the listing as it stands in the body.
            context: of the request.
            number: its position in a batch; None outside of one.

        Raises:
            HttpProblemError: (400) it is no object, (413) it exceeds a limit, (422) a value cannot be written as JSON.
        """
        if not isinstance(row, dict):
            raise problem(400, "not_an_object", f"listing {number} must be a JSON object")
        event, features = self._event(row)
        if event.get("id") is None:
            event["id"] = self._new_id(context.key, number)
        event["source"] = context.source
        if context.traceparent and "traceparent" not in event and is_traceparent(context.traceparent):
            event["traceparent"] = context.traceparent
        if self._categories:
            features = self._with_texts(features)
        event["data"] = features
        try:
            payload = _encode(event)
        except (ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
            raise problem(422, "invalid_value", f"a value cannot be published: {error}") from error
        if len(payload) > self._safe_bytes:
            self._check(payload)
        listing_id = event["id"]
        return Submission(
            payload,
            listing_id if isinstance(listing_id, str) else None,
            features if isinstance(features, dict) else {},
        )

    def _list_in(self, body: dict[str, Any]) -> list[Any] | None:
        if not self._columns.isdisjoint(body):
            return None
        lists = [value for value in body.values() if isinstance(value, list)]
        if len(lists) == 1 and all(isinstance(row, dict) for row in lists[0]):
            return lists[0]
        return None

    def _event(self, row: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """The attributes of a listing's event, and its features."""
        if "data" in row and "data" not in self._columns:
            event = dict(row)
            # the answer comes to the stream of this process
            event.pop("replyto", None)
            return event, event.pop("data")
        event = {}
        for name in self._lifted:
            if name in row:
                row = dict(row) if not event else row
                event[name] = row.pop(name)
        if type(event.get("id")) is int:
            event["id"] = str(event["id"])
        if len(row) == 1 and self._columns.isdisjoint(row):
            (inner,) = row.values()
            if isinstance(inner, dict):
                return event, inner
        return event, row

    def _new_id(self, key: str, number: int | None) -> str:
        if not key:
            return f"{self._process}-{next(self._numbers):x}"
        return key if number is None else f"{key}/{number}"

    def _with_texts(self, features: Any) -> Any:
        """The features, with the number of a category as its text: 1 and 1.0 are the category `1`."""
        if not isinstance(features, dict):
            return features
        changed: dict[str, str] = {}
        for column, accepted in self._categories.items():
            value = features.get(column)
            if type(value) in {int, float} and (text := f"{value:.12g}") in accepted:
                changed[column] = text
        return features | changed if changed else features

    def _check(self, payload: bytes) -> None:
        try:
            check_limits(payload, self._limits)
        except RefusedListingError as error:
            errors = [FieldProblemAnswer(one.field, one.message) for one in error.errors]
            raise HttpProblemError(ProblemAnswer(str(error), error.reason, 413, errors)) from error


def check_key(key: str) -> str:
    """An idempotency key, which becomes a listing's id.

    Raises:
        HttpProblemError: (422) it is empty, too long for an id, or not of printable ASCII characters.
    """
    if not _is_key(key):
        detail = f"Idempotency-Key: 1 to {MAX_ID} printable ASCII characters without blanks are accepted"
        raise problem(422, "invalid_id", detail)
    return key
