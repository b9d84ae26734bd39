"""The consumers of a domain, by their heartbeats: which ones live, and the removal of those that are gone.

Any consumer does this for all. It can be done twice without harm, so none needs to be elected.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from consumer.challenger_loads import ChallengerLoads
from schemas.states import HEARTBEAT_TIMEOUT_S, ConsumerHeartbeat
from schemas.streams import Streams
from transport.clock import now_ms_async
from transport.consumer_group import ConsumerGroup

logger = logging.getLogger(__name__)


@dataclass
class Fellows:
    """The consumers of one domain.

    Attributes:
        client: replies must be bytes.
        streams: the domain's keys.
        loads: counts consumers that died with a challenger loaded.
    """

    client: redis.asyncio.Redis
    streams: Streams
    loads: ChallengerLoads

    async def serving(self) -> set[str]:
        """Names of the consumers that live and answer listings."""
        beats = await self._heartbeats()
        return {name.decode() for name, (is_living, state) in beats.items() if is_living and state == "running"}

    async def sweep(self, groups: Sequence[ConsumerGroup]) -> None:
        """Remove consumers without a heartbeat that hold nothing, from the groups and from the heartbeats.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        beats = await self._heartbeats()
        living = {name for name, (is_living, _) in beats.items() if is_living}
        silent: set[bytes] = set()
        for group in groups:
            members: Any = await self.client.xinfo_consumers(group.stream, group.group)
            silent |= {member["name"] for member in members if member["idle"] > HEARTBEAT_TIMEOUT_S * 1000}
        for name in (silent | set(beats)) - living:
            # a consumer that holds entries of one shard keeps its heartbeat
            if all([await group.remove(name) for group in groups]):
                await self.client.hdel(self.streams.consumers, name)
                logger.info("silent consumer removed", extra={"consumer": name.decode()})

    async def bury(self) -> None:
        """Count the consumers that died with a challenger loaded.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        beats = await self._heartbeats()
        if dead := await self.loads.bury([name for name, (is_living, _) in beats.items() if is_living]):
            logger.warning("consumers died with a challenger loaded", extra={"consumers": dead})

    async def _heartbeats(self) -> dict[bytes, tuple[bool, str]]:
        """Whether each consumer with a heartbeat lives, and its state."""
        at_ms = await now_ms_async(self.client)
        beats: Any = await self.client.hgetall(self.streams.consumers)
        read = {name: ConsumerHeartbeat.model_validate_json(beat) for name, beat in beats.items()}
        return {name: (beat.is_living(at_ms), beat.state) for name, beat in read.items()}
