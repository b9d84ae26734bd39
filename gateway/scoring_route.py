"""The scoring route: without a task where it can, otherwise as a plain ASGI application, not as a route of FastAPI."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from gateway.bodies import Headers, check_is_json, headers_of, parse, read_body, respond, respond_with
from gateway.direct import DirectAnswer
from gateway.problems import FieldProblemAnswer, HttpProblemError, ProblemAnswer
from gateway.scoring import Scoring, ScoringAnswer
from gateway.served_domain import ServedDomain
from gateway.shapes import RequestContext, Submission, check_key
from gateway.wire import Exchange
from operations.keys import ApiKey
from service.trace_context import current_traceparent


def context_of(caller: ApiKey, headers: Headers) -> RequestContext:
    """What the head of a request says about its listings.

    Raises:
        HttpProblemError: (422) the idempotency key is no id.
    """
    given = headers.get(b"idempotency-key")
    key = "" if given is None else check_key(given.decode("latin-1"))
    traceparent = current_traceparent() or headers.get(b"traceparent", b"").decode("latin-1")
    return RequestContext(f"gateway/{caller.name}", key, traceparent)


class ScoringRoute:
    """`POST /predict` or `POST /predict/batch` of one domain.

    Args:
        served: the domain.
        scoring: of the domain.
        is_batch: answer a single listing as a batch of one.
    """

    def __init__(self, served: ServedDomain, scoring: Scoring, *, is_batch: bool) -> None:
        self._served = served
        self._scoring = scoring
        self._is_batch = is_batch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started_s = time.perf_counter()
        await self._respond(send, self._answer(scope, receive, started_s))

    def take(self, exchange: Exchange) -> bool:
        """Answer a request without a task, if it is one for a single prediction that waits for nothing but its answer.

        Returns:
            Whether it is. Everything else is left to the application: batches, refusals, and requests that are counted.
        """
        started_s = time.perf_counter()
        if self._is_batch or exchange.scope["method"] != "POST" or exchange.scope["query_string"]:
            return False
        try:
            submission = self._submission(exchange)
        except HttpProblemError:
            return False
        if submission is None:
            return False
        self._scoring.post(submission, DirectAnswer(self._served, exchange, submission, started_s, self.conclude))
        return True

    async def conclude(self, submission: Submission, asked: Awaitable[bytes], started_s: float, send: Send) -> None:
        """Answer a request whose listing was published; arguments as of `Scoring.conclude`."""
        await self._respond(send, self._scoring.conclude(submission, asked, started_s))

    async def _respond(self, send: Send, scored: Awaitable[ScoringAnswer]) -> None:
        try:
            status, answer = await scored
        except HttpProblemError as refusal:
            self._served.metrics.record_request(refusal.answer.status)
            await respond_with(send, refusal)
            return
        self._served.metrics.record_request(status)
        await respond(send, status, answer)

    def _submission(self, exchange: Exchange) -> Submission | None:
        """The one listing of a request; None if it is none, or the caller cannot be admitted at once."""
        served, headers = self._served, headers_of(exchange.scope)
        caller = served.gate.admit_at_once(headers)
        if caller is None or len(exchange.body) > served.settings.gateway.max_body_bytes:
            return None
        check_is_json(headers)
        served.availability.check()
        rows, is_batch = served.shapes.rows(parse(exchange.body))
        return None if is_batch else served.shapes.submit(rows[0], context_of(caller, headers))

    async def _answer(self, scope: Scope, receive: Receive, started_s: float) -> ScoringAnswer:
        if scope["method"] != "POST":
            raise HttpProblemError(ProblemAnswer("Method Not Allowed", "method_not_allowed", 405), {"Allow": "POST"})
        headers = headers_of(scope)
        caller = await self._served.gate.admit(headers)
        check_is_json(headers)
        settings = self._served.settings
        body = await read_body(receive, headers, settings.gateway.max_body_bytes, settings.gateway.request_timeout_s)
        context = context_of(caller, headers)
        if (query := scope["query_string"]) and not _wants_to_wait(query):
            return await self._scoring.accept(parse(body), context, is_batch=self._is_batch)
        return await self._scoring.score(parse(body), context, started_s, is_batch=self._is_batch)


def _wants_to_wait(query: bytes) -> bool:
    """Whether the query asks to wait, as without `wait`.

    Raises:
        HttpProblemError: (422) `wait` has another value than 0 or 1.
    """
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("wait", ["1"])
    if values in (["0"], ["1"]):
        return values == ["1"]
    errors = [FieldProblemAnswer("wait", "must be 0 or 1", values[0])]
    raise HttpProblemError(ProblemAnswer("wait: must be 0 or 1", "invalid_value", 422, errors))
