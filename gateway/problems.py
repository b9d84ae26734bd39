"""What a request is refused with: a status, a line for people, and fields for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from schemas.refusals import Reason

JSON = b"application/json"

STATUS_OF_REASON: Mapping[str, int] = {
    Reason.TOO_LARGE: 413,
    Reason.NOT_JSON: 400,
    Reason.NOT_AN_EVENT: 400,
    Reason.FOREIGN_ENTRY: 400,
    Reason.RATE_LIMITED: 429,
}
"""The status of a dead letter by its reason; of every other reason it is 422."""

ProblemStatus = Literal[400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 429, 500, 503, 504]


class FieldProblemAnswer(msgspec.Struct, omit_defaults=True):
    """One error in one field.

    Attributes:
        field: name of the feature or attribute.
        message: what is wrong.
        value: as it was sent.
    """

    field: str
    message: str
    value: Any = msgspec.UNSET


class ProblemAnswer(msgspec.Struct, omit_defaults=True):
    """Why a request has no prediction.

    Attributes:
        detail: in a line.
        reason: of the dead letter, or a word for the kind of problem.
        status: of the answer.
        errors: by field.
        listing_id: of the listing, if it was published.
        entry: entry id of the listing, if it was published.
        error: `detail` again, on routes of the Open Inference Protocol.
    """

    detail: str
    reason: str
    status: int
    errors: list[FieldProblemAnswer] = []
    listing_id: str | None = None
    entry: str | None = None
    error: str | None = None


class HttpProblemError(Exception):
    """Ends a request with a status.

    Args:
        answer: the body of the answer.
        headers: of the answer.
    """

    def __init__(self, answer: ProblemAnswer, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(answer.detail)
        self.answer = answer
        self.headers = headers or {}


def problem(status: ProblemStatus, reason: str, detail: str, *, retry_after_s: int | None = None) -> HttpProblemError:
    """A problem without fields."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return HttpProblemError(ProblemAnswer(detail, reason, status), headers)
