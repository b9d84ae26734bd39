"""From requests to answers: parse, find the model, explain, encode. Nothing is written here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from explainer.answer_events import AnswerEvents
from explainer.loaded_models import LoadedModels
from explainer.model_explainer import ModelExplainer
from explainer.request import InvalidRequestError, ParsedRequest, PredictedListing, RequestParser
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from transport.consumer_group import Entry


@dataclass(frozen=True, slots=True)
class AnsweredRequests:
    """The answers to some requests.

    Attributes:
        answers: by entry id; empty for a request whose payload is gone.
        explained: the requests whose answer is an explanation.
        seconds: how long explaining took.
    """

    answers: dict[bytes, bytes]
    explained: frozenset[bytes] = frozenset()
    seconds: float = 0.0


class RequestAnswerer:
    """Computes the answers of one explainer.

    Args:
        domain: of the requests.
        models: finds the models that they name.
        shard: of the requests.
    """

    def __init__(self, domain: Domain, models: LoadedModels, shard: int = 0) -> None:
        self._parser = RequestParser(domain)
        self._models = models
        self._events = AnswerEvents(domain, shard)

    async def answer(self, entries: Sequence[Entry]) -> AnsweredRequests:
        """The answer of each request; explanations are computed in a thread.

        Raises:
            RegistryUnavailableError: a model cannot be loaded now.
        """
        answers: dict[bytes, bytes] = {}
        by_model: dict[str, list[ParsedRequest]] = {}
        for entry in entries:
            if entry.flat is None:
                answers[entry.id] = b""
                continue
            try:
                request = self._parser.parse(entry)
            except InvalidRequestError as error:
                answers[entry.id] = self._events.unexplained(error.listing, "invalid_request", str(error))
            else:
                by_model.setdefault(request.model.digest, []).append(request)
        explained, begin = set[bytes](), perf_counter()
        for requests in by_model.values():
            model = await self._models.find(requests[0].model)
            if isinstance(model, ModelRejectedError):
                answers |= {each.entry_id: self._events.rejected(each.listing, model) for each in requests}
            else:
                answers |= await asyncio.to_thread(self._explain, model, requests)
                explained |= {each.entry_id for each in requests}
        return AnsweredRequests(answers, frozenset(explained), perf_counter() - begin)

    def give_up(self, entry: Entry) -> AnsweredRequests:
        """The answer to a request that was tried too often."""
        message = f"not explained in {entry.deliveries - 1} deliveries"
        listing: PredictedListing | None = None
        with suppress(InvalidRequestError):
            listing = self._parser.parse(entry).listing
        return AnsweredRequests({entry.id: self._events.unexplained(listing, "poison", message)})

    def _explain(self, model: ModelExplainer, requests: Sequence[ParsedRequest]) -> dict[bytes, bytes]:
        found = model.explain(np.concatenate([request.row for request in requests]))
        return {
            request.entry_id: self._events.explained(request, model.method, one)
            for request, one in zip(requests, found, strict=True)
        }
