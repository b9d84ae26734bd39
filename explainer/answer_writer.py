"""Writes answers to requests: one script, which writes the answer of exactly those requests that it acknowledges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import redis.asyncio
from redis.exceptions import NoPermissionError, ResponseError

from schemas.streams import DATA_FIELD, EXPLAINERS, Streams
from transport.connection import is_transient
from transport.scripts import Script

_ANSWER = Script("explainer", "answer")


@dataclass(frozen=True, slots=True)
class AnswerReceipt:
    """What a call of the script did.

    Attributes:
        answered: answers written.
        fenced: requests that were no longer pending, so that nothing was written for them.
    """

    answered: int
    fenced: frozenset[bytes]


@dataclass(frozen=True)
class AnswerWriter:
    """Writes answers under one explainer's name.

    Attributes:
        client: replies must be bytes.
        explainer: its name in the group.
        kept: approximate number of explanations that the stream keeps.
    """

    client: redis.asyncio.Redis
    streams: Streams
    explainer: str
    kept: int

    async def write(self, answers: Mapping[bytes, bytes]) -> AnswerReceipt:
        """Write the answer of each request, by entry id; safe to repeat with the same answers.

        Raises:
            redis.exceptions.RedisError: the reply was lost, or not every answer could be written: those requests are
                pending again.
        """
        keys = [self.streams.explain, self.streams.explanations]
        pairs = [part for pair in answers.items() for part in pair]
        reply = await _ANSWER.run_async(self.client, keys, [EXPLAINERS, self.explainer, self.kept, *pairs])
        answered, restored, failure, fenced = reply
        if restored:
            raise ResponseError(failure.decode())
        return AnswerReceipt(answered, frozenset(fenced))

    async def try_right(self) -> None:
        """Try the right to write explanations with an entry id that is never valid, so that nothing changes.

        Raises:
            redis.exceptions.ResponseError: this user lacks the right.
        """
        try:
            await self.client.xadd(self.streams.explanations, {DATA_FIELD: b"{}"}, id="0-0")
        except NoPermissionError:
            raise
        except ResponseError as error:
            if is_transient(error):
                raise
