"""Finds what became of a listing that was published before, by its id."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.answers import PredictionAnswer, ReplyEvent, read_reply
from gateway.problems import problem
from gateway.served_domain import ServedDomain
from monitoring.outcomes.prediction_index import PredictionIndex, identity_of
from schemas.streams import DATA_FIELD
from transport.clock import now_ms_async

_LETTERS = 1000
"""How many of the newest dead letters are searched."""
_encode = msgspec.json.Encoder().encode


class PredictionLookup:
    """Finds predictions and refusals of one domain.

    Args:
        served: the domain.
    """

    def __init__(self, served: ServedDomain) -> None:
        self._served = served
        self._client: Any = served.client
        self._index = PredictionIndex(served.client, served.streams, served.settings.outcomes)

    async def find(self, source: str, listing_id: str) -> PredictionAnswer:
        """The prediction of a listing.

        Raises:
            HttpProblemError: it was refused, with that refusal's status; (404) nothing is known of it.
            redis.exceptions.RedisError: as the server answered.
        """
        event = await self._just_predicted(source, listing_id) or await self._indexed(source, listing_id)
        if event is not None:
            return self._served.answers.prediction(event, 0.0, is_repeat=True)
        if (letter := await self._refused(source, listing_id)) is not None:
            raise self._served.answers.refusal(letter, {})
        detail = f"no outcome of listing {listing_id!r} from {source!r} is known: it may be waiting, or too old"
        raise problem(404, "not_found", detail[:500])

    async def _just_predicted(self, source: str, listing_id: str) -> ReplyEvent | None:
        """The prediction that deduplication remembers."""
        identity = _encode((source, listing_id))
        streams = self._served.streams
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hget(streams.dedup_current, identity)
        pipeline.hget(streams.dedup_previous, identity)
        current, previous = await pipeline.execute()
        entry_id = current or previous
        return await self._at(entry_id, entry_id, None) if entry_id else None

    async def _indexed(self, source: str, listing_id: str) -> ReplyEvent | None:
        """The prediction in the monitor's index."""
        identity = identity_of(source, listing_id)
        found = (await self._index.find([identity], await now_ms_async(self._client))).get(identity)
        return await self._at(found.at_ms, found.at_ms, found.entry_id) if found else None

    async def _at(self, first: Any, last: Any, answered: str | None) -> ReplyEvent | None:
        entries = await self._client.xrange(self._served.streams.predictions, first, last)
        events = (read_reply(fields[DATA_FIELD]) for _, fields in entries)
        return next((event for event in events if answered in {None, event.id}), None)

    async def _refused(self, source: str, listing_id: str) -> ReplyEvent | None:
        streams = self._served.streams
        for key in (streams.dead_letters, streams.rate_limited):
            for _, fields in await self._client.xrevrange(key, count=_LETTERS):
                event = read_reply(fields[DATA_FIELD])
                if (event.data.listing_source, event.data.listing_id) == (source, listing_id):
                    return event
        return None
