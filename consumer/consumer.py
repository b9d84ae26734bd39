"""One consumer: its parts, built from the settings, and the tasks that keep them going."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import redis
import redis.asyncio
from redis.exceptions import RedisError

from consumer.batch_scorer import BatchScorer
from consumer.committer import Committer
from consumer.group import Group
from consumer.heartbeat import Heartbeat
from consumer.lost_entries import LostEntryDetector
from consumer.maintenance import Maintenance
from consumer.metrics import ConsumerMetrics
from consumer.model_follower import ModelFollower
from consumer.probe import try_commit
from consumer.reader import Reader
from consumer.recovery import Recovery
from consumer.scoring_loop import ScoringLoop
from consumer.scripts import Scripts
from registry.cache import ModelCache
from registry.location import cache_folder_of, tracking_uri_of
from schemas.domain import Domain
from schemas.errors import ServerError
from schemas.settings import Settings
from service.health import Health
from service.metrics import build_registry
from transport.pipelined_connection import PipelinedConnection

logger = logging.getLogger(__name__)

STALL_S = 30.0
"""A flow that has not come round for so long is stuck for good."""
_PROBE_PAUSE_S = 2.0


class Consumer:
    """Answers the listings of one domain.

    Args:
        client: asynchronous client, replies in bytes.
        searcher: synchronous client for searches in a thread.
        domain: whose listings are answered.
        settings: behaviour.
        name: its name in the consumer group; two living consumers must not share one.
        port: where its endpoints are served, told in the heartbeat.

    Attributes:
        health: reasons against readiness.
        registry: its Prometheus metrics.
        follower: follows the desired model.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        searcher: redis.Redis,
        domain: Domain,
        settings: Settings,
        name: str,
        port: int,
    ) -> None:
        streams = settings.streams
        cache = ModelCache(cache_folder_of(settings), tracking_uri_of(settings))
        scripts = Scripts(client, streams)
        self._client = client
        self._domain = domain
        self._settings = settings
        self._name = name
        self._done = asyncio.Event()
        self._reads, self._commits = PipelinedConnection(client), PipelinedConnection(client)
        self.health = Health(STALL_S)
        self.registry = build_registry()
        self._metrics = ConsumerMetrics(domain, name, self.registry)
        self.follower = ModelFollower(client, streams, domain, cache, name, self.health, self._metrics)
        self._lost = LostEntryDetector(searcher, streams, settings.claim_idle_ms / 500)
        self.recovery = Recovery(scripts, name, settings.claim_idle_ms)
        self._upkeep = Maintenance(client, streams, scripts, settings, self._metrics)
        self._presence = Heartbeat(client, streams, scripts, name, port, self.health, lambda: self.follower.stamp)
        self.scoring_loop = ScoringLoop(
            settings=settings,
            reader=Reader(self._reads, streams.listings, name, settings.batch),
            group=Group(client, streams, scripts),
            recovery=self.recovery,
            scorer=BatchScorer(domain, settings, name),
            committer=Committer(self._commits, streams, domain, settings, name),
            follower=self.follower,
            health=self.health,
            metrics=self._metrics,
            on_fenced=self._lost.note,
        )

    async def run(self) -> None:
        """Work until `stop`, then leave the group if nothing is left pending."""
        await self._probe()
        self.health.clear("start")
        helpers = {
            "heartbeat": self._every(self._settings.heartbeat_s, self._presence.beat),
            "follower": self._follow(),
            "renewal": self._every(self._settings.claim_idle_ms / 3000, self._renew),
            "upkeep": self._every(self._settings.retention.interval_s, self._upkeep.run_once),
            "lost": self._every(self._settings.claim_idle_ms / 1000, self._look_for_lost),
        }
        async with asyncio.TaskGroup() as group:
            for name, work in helpers.items():
                group.create_task(work, name=name)
            await self.scoring_loop.run()
            # not cancelled: inside redis-py a cancellation may be lost, and the task would go on for ever
            self._done.set()
            self.follower.is_wanted.set()
        await self._leave()
        await self._reads.close()
        await self._commits.close()

    def stop(self) -> None:
        """Finish what is in hand, then let `run` return."""
        self._presence.is_stopping = True
        self.scoring_loop.stop()

    async def _probe(self) -> None:
        while not self._presence.is_stopping:
            try:
                await try_commit(self._client, self._settings.streams, self._domain, self._settings, self._name)
            except (ServerError, RedisError, OSError) as error:
                self.health.set_reason("scripts", str(error))
                self.health.beat()
                logger.error("scripts cannot be trusted yet", extra={"cause": str(error)})  # noqa: TRY400 - one line
                await asyncio.sleep(_PROBE_PAUSE_S)
            else:
                self.health.clear("scripts")
                return

    async def _follow(self) -> None:
        while not self._done.is_set():
            await self._quietly(self.follower.follow)
            try:
                await asyncio.wait_for(self.follower.is_wanted.wait(), self._settings.swap.poll_s)
            except TimeoutError:
                continue

    async def _every(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        while not self._done.is_set():
            await self._quietly(work)
            try:
                await asyncio.wait_for(self._done.wait(), seconds)
            except TimeoutError:
                continue

    async def _quietly(self, work: Callable[[], Awaitable[object]]) -> None:
        """Redis being away is the flow's to report; the helpers just come again."""
        try:
            await work()
        except (RedisError, OSError) as error:
            logger.debug("helper put off", extra={"cause": str(error)})

    async def _renew(self) -> None:
        if entry_ids := self.scoring_loop.in_hand:
            await self.recovery.renew(entry_ids)

    async def _look_for_lost(self) -> None:
        if lost := await self._lost.look():
            logger.error("entries acknowledged by others have no answer", extra={"entries": lost})
            self._metrics.record_lost(lost)

    async def _leave(self) -> None:
        try:
            has_left = await self._presence.leave()
        except (RedisError, OSError) as error:
            logger.warning("cannot leave the group", extra={"cause": str(error)})
        else:
            logger.info("consumer stopped" if has_left else "consumer stopped with entries pending")
