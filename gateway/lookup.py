"""Finds what became of a listing that was published before, by its id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.answers import PredictionAnswer, ReplyEvent, read_reply
from gateway.problems import problem
from gateway.served_domain import ServedDomain
from monitoring.outcomes.prediction_index import PredictionIndex, identity_of
from schemas.shards import split_entry
from schemas.streams import DATA_FIELD, Streams
from transport.clock import now_ms_async
from transport.watched_shards import WatchedShardsAsync

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
        self._shards = WatchedShardsAsync(served.client, served.streams)

    async def find(self, source: str, listing_id: str) -> PredictionAnswer:
        """The prediction of a listing.

        Raises:
            HttpProblemError: it was refused, with that refusal's status; (404) nothing is known of it.
            redis.exceptions.RedisError: as the server answered.
        """
        shards = await self._shards.read()
        event = await self._just_predicted(shards, source, listing_id) or await self._indexed(source, listing_id)
        if event is not None:
            return self._served.answers.prediction(event, 0.0, is_repeat=True)
        if (letter := await self._refused(shards, source, listing_id)) is not None:
            raise self._served.answers.refusal(letter, {})
        detail = f"no outcome of listing {listing_id!r} from {source!r} is known: it may be waiting, or too old"
        raise problem(404, "not_found", detail[:500])

    async def _just_predicted(self, shards: Sequence[Streams], source: str, listing_id: str) -> ReplyEvent | None:
        """The prediction that deduplication remembers, in whichever shard: only the listing says what its key is."""
        identity = _encode((source, listing_id))
        pipeline = self._client.pipeline(transaction=False)
        for shard in shards:
            pipeline.hget(shard.dedup_current, identity)
            pipeline.hget(shard.dedup_previous, identity)
        remembered = await pipeline.execute()
        for shard, current, previous in zip(shards, remembered[::2], remembered[1::2], strict=True):
            if name := current or previous:
                number, entry_id = split_entry(name.decode())
                # what an identity carries of another shard, from before their number changed, names it
                where = self._served.streams.of_shard(number) if b"@" in name else shard
                if event := await self._at(where, entry_id, entry_id, None):
                    return event
        return None

    async def _indexed(self, source: str, listing_id: str) -> ReplyEvent | None:
        """The prediction in the monitor's index."""
        identity = identity_of(source, listing_id)
        found = (await self._index.find([identity], await now_ms_async(self._client))).get(identity)
        if not found:
            return None
        number, entry_id = split_entry(found.entry)
        return await self._at(self._served.streams.of_shard(number), found.at_ms, found.at_ms, entry_id)

    async def _at(self, shard: Streams, first: Any, last: Any, answered: str | None) -> ReplyEvent | None:
        entries = await self._client.xrange(shard.predictions, first, last)
        events = (read_reply(fields[DATA_FIELD]) for _, fields in entries)
        return next((event for event in events if answered in {None, event.id}), None)

    async def _refused(self, shards: Sequence[Streams], source: str, listing_id: str) -> ReplyEvent | None:
        for key in (key for shard in shards for key in (shard.dead_letters, shard.rate_limited)):
            for _, fields in await self._client.xrevrange(key, count=_LETTERS):
                event = read_reply(fields[DATA_FIELD])
                if (event.data.listing_source, event.data.listing_id) == (source, listing_id):
                    return event
        return None
