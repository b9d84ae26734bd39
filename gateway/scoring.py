"""Scores the listings of a request: publishes them, waits for their answers, and builds the answer to the request."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import redis.exceptions

from gateway.answers import (
    AcceptedAnswer,
    AcceptedBatch,
    BatchAnswer,
    PredictionAnswer,
    ReplyEvent,
    read_reply,
)
from gateway.problems import HttpProblemError, ProblemAnswer, problem
from gateway.served_domain import ServedDomain
from gateway.shapes import RequestContext, Submission
from producer.posting import PostedWaiter
from schemas.errors import BacklogFullError, NotAnsweredError, PublishError
from schemas.streams import DATA_FIELD

ScoringAnswer = tuple[int, Any]
"""Status and body."""
_RETRY_S = 1


class Scoring:
    """Answers requests for predictions of one domain.

    Args:
        served: the domain.
    """

    def __init__(self, served: ServedDomain) -> None:
        self._served = served
        self._publisher = served.publisher
        self._asker = served.publisher.asker
        self._timeout_s = served.settings.gateway.timeout_s

    async def score(self, body: object, context: RequestContext, started_s: float, *, is_batch: bool) -> ScoringAnswer:
        """Publish the listings of a body and wait for their answers.

        Args:
            body: parsed.
            context: of the request.
            started_s: when the request arrived, by `time.perf_counter`.
            is_batch: answer a single listing as a batch of one.

        Raises:
            HttpProblemError: there is no prediction.
        """
        rows, is_list = self._served.shapes.rows(body)
        if is_batch or is_list:
            return await self.score_batch(self._submit_all(rows, context), started_s)
        return await self._score_one(self._served.shapes.submit(rows[0], context), started_s)

    async def accept(self, body: object, context: RequestContext, *, is_batch: bool) -> ScoringAnswer:
        """Publish the listings of a body without waiting for their answers; `is_batch` as for `score`.

        Raises:
            HttpProblemError: they were not published.
        """
        self._served.availability.check()
        rows, is_list = self._served.shapes.rows(body)
        is_batch = is_batch or is_list
        submissions = self._submit_all(rows, context) if is_batch else [self._served.shapes.submit(rows[0], context)]
        with _publishing(submissions):
            entries = await self._publisher.publish_many([one.payload for one in submissions])
        accepted = [
            AcceptedAnswer(one.listing_id, entry, self._href(one.listing_id))
            for one, entry in zip(submissions, entries, strict=True)
        ]
        return (202, AcceptedBatch(accepted)) if is_batch else (202, accepted[0])

    async def score_batch(self, submissions: Sequence[Submission], started_s: float) -> ScoringAnswer:
        """Score listings together; each gets a prediction or its own problem.

        Raises:
            HttpProblemError: they were not published.
        """
        answers = await self.predictions(submissions, started_s)
        refused = [answer for answer in answers if isinstance(answer, ProblemAnswer)]
        seconds = self._served.metrics.record_answer(
            started_s,
            predicted=len(answers) - len(refused),
            refused=sum(answer.status != 504 for answer in refused),  # noqa: PLR2004 - gateway timeout
            unanswered=sum(answer.status == 504 for answer in refused),  # noqa: PLR2004
        )
        status = refused[0].status if len(refused) == len(answers) else 200
        name = self._served.domain.name
        return status, BatchAnswer(answers, len(answers), len(refused), name, round(seconds, 6))

    async def predictions(
        self, submissions: Sequence[Submission], started_s: float
    ) -> list[PredictionAnswer | ProblemAnswer]:
        """The prediction of each listing, or why it has none.

        Raises:
            HttpProblemError: they were not published.
        """
        self._served.availability.check()
        self._served.metrics.waiting += 1
        try:
            with _publishing(submissions):
                replies = await self._asker.ask_for_replies([one.payload for one in submissions], self._timeout_s)
        finally:
            self._served.metrics.waiting -= 1
        answers: list[PredictionAnswer | ProblemAnswer] = []
        seconds = time.perf_counter() - started_s
        for submission, (entry, reply) in zip(submissions, replies, strict=True):
            if reply is None:
                answers.append(_unanswered(submission, entry, self._timeout_s).answer)
                continue
            event = read_reply(reply)
            if event.type == "listing.scored":
                # without a coroutine for each, of which a batch has thousands
                answers.append(self._served.answers.prediction(event, seconds))
                continue
            try:
                answers.append(await self._answer(event, submission, seconds))
            except HttpProblemError as refusal:
                answers.append(refusal.answer)
        return answers

    def post(self, submission: Submission, waiter: PostedWaiter) -> None:
        """Publish a listing without waiting for its answer, which the waiter gets, or the error why there is none."""
        self._asker.post(submission.payload, waiter, self._timeout_s)

    async def conclude(self, submission: Submission, asked: Awaitable[bytes], started_s: float) -> ScoringAnswer:
        """The answer to a request for one prediction.

        Args:
            submission: its listing.
            asked: the JSON of the stream's answer, or the error why there is none.
            started_s: as for `score`.

        Raises:
            HttpProblemError: there is no prediction.
        """
        metrics = self._served.metrics
        try:
            with _publishing((submission,)):
                reply = await asked
        except NotAnsweredError as error:
            metrics.record_answer(started_s, predicted=0, unanswered=1)
            raise _unanswered(submission, error.entry_id, self._timeout_s) from error
        try:
            answer = await self._answer(read_reply(reply), submission, time.perf_counter() - started_s)
        except HttpProblemError:
            metrics.record_answer(started_s, predicted=0, refused=1)
            raise
        metrics.record_answer(started_s, predicted=1)
        return 200, answer

    async def _score_one(self, submission: Submission, started_s: float) -> ScoringAnswer:
        self._served.availability.check()
        self._served.metrics.waiting += 1
        try:
            asked = self._asker.ask_for_reply(submission.payload, self._timeout_s)
            return await self.conclude(submission, asked, started_s)
        finally:
            self._served.metrics.waiting -= 1

    async def _answer(self, event: ReplyEvent, submission: Submission, seconds: float) -> PredictionAnswer:
        if event.type == "listing.scored":
            return self._served.answers.prediction(event, seconds)
        if event.type == "listing.refused":
            raise self._served.answers.refusal(event, submission.features)
        first = event.data.first
        try:
            entry = await self._asker.find_prediction(first) if first else None
        except (redis.exceptions.RedisError, OSError) as error:
            raise _redis_away(submission.listing_id) from error
        if entry is None:
            detail = "this id was predicted before, but that prediction is no longer kept"
            raise HttpProblemError(ProblemAnswer(detail, "gone", 410, [], submission.listing_id, event.entry))
        return self._served.answers.prediction(read_reply(entry[1][DATA_FIELD]), seconds, is_repeat=True)

    def _submit_all(self, rows: Sequence[Any], context: RequestContext) -> list[Submission]:
        submit: Callable[[Any, RequestContext, int], Submission] = self._served.shapes.submit
        return [submit(row, context, number) for number, row in enumerate(rows)]

    def _href(self, listing_id: str | None) -> str:
        return f"/{self._served.domain.name}/predictions/{quote(listing_id or '', safe='')}"


@contextmanager
def _publishing(submissions: Sequence[Submission]) -> Iterator[None]:
    """Turn the errors of publishing into problems."""
    try:
        yield
    except NotAnsweredError:
        raise
    except BacklogFullError as error:
        raise problem(503, "backlog_full", str(error), retry_after_s=_RETRY_S) from error
    except (PublishError, redis.exceptions.RedisError, OSError) as error:
        raise _redis_away(submissions[0].listing_id if len(submissions) == 1 else None) from error


def _redis_away(listing_id: str | None) -> HttpProblemError:
    detail = "Redis does not answer; the listing may be published or not: repeat the request with the same id"
    return HttpProblemError(ProblemAnswer(detail, "redis_away", 503, [], listing_id), {"Retry-After": str(_RETRY_S)})


def _unanswered(submission: Submission, entry: str, timeout_s: float) -> HttpProblemError:
    detail = f"no answer within {timeout_s:g} s; the listing is published, and its outcome will still come"
    return HttpProblemError(ProblemAnswer(detail, "not_answered", 504, [], submission.listing_id, entry))
