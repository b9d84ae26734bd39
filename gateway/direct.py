"""The answer to a request for one prediction that was published without a task."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from starlette.types import Receive, Scope, Send

from gateway.answers import encode, read_reply
from gateway.served_domain import ServedDomain
from gateway.shapes import Submission
from gateway.wire import Exchange

Conclude = Callable[[Submission, Awaitable[bytes], float, Send], Awaitable[None]]


class DirectAnswer:
    """Waits for the answer of the stream, and writes that to the request.

    A prediction is written at once. Of everything else a task is made: a dead letter, a repeat, whose first prediction
    must be read, an answer that did not come, an error of publishing.

    Args:
        served: the domain.
        exchange: the request.
        submission: its listing.
        started_s: when the request arrived, by `time.perf_counter`.
        conclude: answers the request in a task.
    """

    __slots__ = ("_conclude", "_exchange", "_is_done", "_served", "_started_s", "_submission")

    def __init__(
        self, served: ServedDomain, exchange: Exchange, submission: Submission, started_s: float, conclude: Conclude
    ) -> None:
        self._served = served
        self._exchange = exchange
        self._submission = submission
        self._started_s = started_s
        self._conclude = conclude
        self._is_done = False
        served.metrics.waiting += 1

    def done(self) -> bool:
        """Whether the answer has come, or will not come."""
        return self._is_done

    def set_result(self, reply: bytes, /) -> None:
        """Write the answer."""
        try:
            event = read_reply(reply)
        except msgspec.MsgspecError:
            event = None
        if event is None or event.type != "listing.scored":
            outcome = asyncio.get_running_loop().create_future()
            outcome.set_result(reply)
            self._hand_over(outcome)
            return
        self._end()
        served = self._served
        seconds = served.metrics.record_answer(self._started_s, predicted=1)
        served.metrics.record_request(200)
        self._exchange.answer(encode(served.answers.prediction(event, seconds)))

    def set_exception(self, exception: BaseException, /) -> None:
        """Answer why there is no prediction."""
        outcome = asyncio.get_running_loop().create_future()
        outcome.set_exception(exception)
        self._hand_over(outcome)

    def _hand_over(self, outcome: asyncio.Future[bytes]) -> None:
        self._end()

        async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
            await self._conclude(self._submission, outcome, self._started_s, send)

        self._exchange.hand_over(answer)

    def _end(self) -> None:
        self._is_done = True
        self._served.metrics.waiting -= 1
