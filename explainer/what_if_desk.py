"""Takes the questions of what-if and hands out the answers: each question is answered once at most.

A question is taken before it is answered, so one that kills its explainer is gone, and its asker asks again or not.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import redis.asyncio
from pydantic import ValidationError

from explainer.loaded_models import LoadedModels
from explainer.what_if_scorer import WhatIfScorer
from schemas.errors import ModelRejectedError, UnavailableError
from schemas.streams import Streams
from schemas.what_if import WHAT_IF_EXPIRES_MS, WhatIfAnswer, WhatIfQuestion

logger = logging.getLogger(__name__)

_TAKEN = 20


class WhatIfDesk:
    """Answers the questions of one domain.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        scorer: answers them.
        models: finds the models that they name.
    """

    def __init__(
        self, client: redis.asyncio.Redis, streams: Streams, scorer: WhatIfScorer, models: LoadedModels
    ) -> None:
        self._client = client
        self._streams = streams
        self._scorer = scorer
        self._models = models

    async def answer_waiting(self) -> None:
        """Answer some of the questions that wait.

        Raises:
            redis.exceptions.RedisError: as the server answered; the questions in hand are lost.
        """
        taken: Any = await self._client.lpop(self._streams.what_if, _TAKEN)
        for payload in taken or ():
            try:
                question = WhatIfQuestion.model_validate_json(payload)
            except ValidationError:
                logger.warning("a question of what-if is malformed")
                continue
            await self._write(question, await self._answer(question))

    async def _answer(self, question: WhatIfQuestion) -> WhatIfAnswer:
        version = question.model.version
        try:
            explainer = await self._models.find(question.model)
            if isinstance(explainer, ModelRejectedError):
                return WhatIfAnswer(problem=f"version {version}: {explainer}")
            return await asyncio.to_thread(self._scorer.answer, question.listing.encode(), question.model, explainer)
        except (UnavailableError, OSError) as error:
            return WhatIfAnswer(problem=f"version {version} cannot be loaded now: {error}")
        except Exception as error:  # a row that the model cannot score must end neither the loop nor the process
            logger.exception("what-if cannot be answered")
            return WhatIfAnswer(problem=f"version {version} cannot score this: {error!r}")

    async def _write(self, question: WhatIfQuestion, answer: WhatIfAnswer) -> None:
        key = self._streams.what_if_answer(question.id)
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.rpush(key, answer.model_dump_json(exclude_unset=True))
            pipeline.pexpire(key, WHAT_IF_EXPIRES_MS)
            await pipeline.execute()
