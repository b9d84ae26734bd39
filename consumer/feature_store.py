"""The consumer's side of stored features: asks for what the listings of a batch lack, on a connection of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from itertools import compress
from typing import Any

import numpy as np
import redis.asyncio
from numpy.typing import NDArray
from redis.exceptions import RedisError, ResponseError

from consumer.decoded_batch import DecodedBatch
from consumer.lookup import Lookup, LookupForm
from consumer.redis_guard import RedisGuard
from consumer.stored_values import StoredValueReader
from schemas.domain import Domain
from schemas.stored_features import AT, is_storable_subject, storable_columns
from schemas.streams import Streams
from transport.connection import is_transient
from transport.spread_connection import SpreadConnection

logger = logging.getLogger(__name__)

MAX_FORMS = 10_000
"""Forms of lookups that are kept; listings of a domain with many optional features may lack any of them."""
TRIES = 3
"""How often a lookup is sent while Redis answers everything else. Then the features count as missing, so that a store
which cannot be read costs no listing its outcome."""


class FeatureStore:
    """Stored features of one domain.

    Args:
        client: whose address and user the connections for lookups have; asks whether Redis answers.
        streams: the domain's keys.
        domain: whose features are stored.
        max_age_s: age after which a stored value is not used.

    Attributes:
        is_allowed: whether the user may read the store; otherwise lookups fail without being sent.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        streams: Streams,
        domain: Domain,
        max_age_s: float,
    ) -> None:
        self._client = client
        self._connection = SpreadConnection(client)
        self._streams = streams
        self._prefix = streams.features("").encode()
        self._columns = domain.columns
        self._forms: dict[bytes, LookupForm] = {}
        self._is_storable = np.isin(domain.columns, storable_columns(domain))
        self._reader = StoredValueReader(domain, max_age_s)
        self.is_allowed = True

    def plan(self, batch: DecodedBatch) -> Lookup | None:
        """The lookup of what the listings with a subject lack; None if there is nothing to look up."""
        gaps = np.isnan(batch.matrix) & self._is_storable
        listings = batch.listings
        subjects = [
            (row, subject)
            for row in np.flatnonzero(gaps.any(axis=1)).tolist()
            if (subject := listings[row].subject) is not None and is_storable_subject(subject)
        ]
        return self._lookup_of(subjects, gaps[[row for row, _ in subjects]]) if subjects else None

    def _lookup_of(self, subjects: Sequence[tuple[int, str]], mask: NDArray[np.bool_]) -> Lookup:
        packed, width = mask.tobytes(), mask.shape[1]
        patterns = [packed[start : start + width] for start in range(0, len(packed), width)]
        forms = [self._forms.get(pattern) or self._form_of(pattern) for pattern in patterns]
        prefix = self._prefix
        keys = [prefix + subject.encode() for _, subject in subjects]
        commands = [form.command(key) for form, key in zip(forms, keys, strict=True)]
        return Lookup(rows=[row for row, _ in subjects], mask=mask, forms=forms, keys=keys, commands=commands)

    def _form_of(self, pattern: bytes) -> LookupForm:
        if len(self._forms) >= MAX_FORMS:
            self._forms.clear()
        return self._forms.setdefault(pattern, LookupForm([*compress(self._columns, pattern)]))

    async def send(self, lookup: Lookup) -> None:
        """Send a lookup, whose replies must be received before the next is sent."""
        if not self.is_allowed:
            lookup.give_up(PermissionError("this user may not read stored features"))
            return
        try:
            await self._connection.send(lookup.keys, lookup.commands)
        except (RedisError, OSError) as error:
            # `receive` finds the connection closed, and sends it again
            logger.warning("lookup not sent", extra={"cause": str(error)})

    async def receive(self, lookup: Lookup, guard: RedisGuard) -> bool:
        """Receive the replies. A lookup that is lost is sent again, as soon as Redis answers.

        Returns:
            Whether the lookup has ended; False only if Redis is away and the guard was stopped.
        """
        tries = 0
        while lookup.replies is None:
            tries += 1
            try:
                lookup.replies = await self._received()
            except (RedisError, OSError) as error:
                await self._connection.close()
                logger.warning("lookup lost", extra={"cause": str(error), "tries": tries})
                if not await self._is_answering(lookup, guard):
                    return False
                if tries == TRIES:
                    lookup.give_up(error)
                else:
                    await self.send(lookup)
        return True

    def fill(self, batch: DecodedBatch, lookup: Lookup) -> None:
        """Fill the gaps of a batch whose lookup has ended."""
        self._reader.fill(batch, lookup)

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    async def check_right(self) -> bool:
        """Find out whether the user may read the store, on a key that no subject has.

        While the node of that key is away, which may be another one than that of the listings, it stays as it is known.
        """
        try:
            await self._client.hmget(self._streams.features("\n"), [AT])
        except (RedisError, OSError) as error:
            if not is_transient(error):
                self.is_allowed = False
        else:
            self.is_allowed = True
        return self.is_allowed

    async def _is_answering(self, lookup: Lookup, guard: RedisGuard) -> bool:
        """Wait until every server that has features of a lookup answers; False if the guard is stopped before."""
        while not await guard.run(partial(self._ask_each, lookup)):
            if guard.is_stopping:
                return False
        return True

    async def _ask_each(self, lookup: Lookup) -> bool:
        """True if each of these servers answers; raises what one says that cannot serve now."""
        # on a cluster, a PING would be answered by any node
        questions = self._client.pipeline(transaction=False)
        for key in await self._connection.one_of_each(lookup.keys):
            questions.execute_command("HMGET", key, AT)
        _check_transient(await questions.execute(raise_on_error=False))
        return True

    async def _received(self) -> list[Any]:
        replies = await self._connection.receive()
        _check_transient(replies)
        return replies


def _check_transient(replies: Sequence[Any]) -> None:
    for reply in replies:
        if isinstance(reply, ResponseError) and is_transient(reply):
            raise reply
