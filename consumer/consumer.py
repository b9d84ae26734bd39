"""One consumer: its parts, built from the settings, and the tasks that keep them going."""

from __future__ import annotations

import asyncio
import logging

import redis
import redis.asyncio
from redis.exceptions import RedisError

from consumer.batch_scorer import BatchScorer
from consumer.challenger_loads import ChallengerLoads
from consumer.committer import Committer
from consumer.feature_store import FeatureStore
from consumer.group_rebuilder import GroupRebuilder
from consumer.identities import convert_identities
from consumer.lost_entries import LostEntryDetector
from consumer.maintenance import Maintenance
from consumer.metrics import ConsumerMetrics
from consumer.model_follower import ModelFollower
from consumer.probe import may_pair, may_reply, may_request, try_commit
from consumer.rollout_follower import RolloutFollower
from consumer.scoring_loop import ScoringLoop
from registry.cache import ModelCache
from registry.location import cache_folder_of, tracking_uri_of
from schemas.domain import Domain
from schemas.errors import ServerError
from schemas.settings import Settings
from schemas.states import ConsumerHeartbeat
from schemas.streams import SCORERS
from service.health import Health
from service.heartbeat import Heartbeat
from service.metrics import build_registry
from service.periodic import PeriodicTasks, Step
from service.settings_watch import WATCH_S, SettingsWatch
from service.tracing import NO_TRACING, Tracing
from transport.consumer_group import ConsumerGroup
from transport.pipelined_connection import PipelinedConnection, PipelinedReader

logger = logging.getLogger(__name__)

STALL_S = 30.0
"""A scoring loop that has not completed a round for so long is stuck for good."""
_PROBE_PAUSE_S = 2.0
_RIGHTS_CHECK_S = 10.0


class Consumer:
    """Answers the listings of one domain.

    Args:
        client: asynchronous client, replies in bytes.
        searcher: synchronous client for searches in a thread.
        domain: whose listings are answered.
        settings: behaviour.
        name: its name in the consumer group; two living consumers must not share one.
        port: where its endpoints are served; the heartbeat carries it.
        tracing: makes the spans of its batches.

    Attributes:
        health: reasons against readiness.
        registry: its Prometheus metrics.
        follower: follows the desired model.
        rollouts: follows the desired rollout.
        group: its membership of the consumer group.
        scoring_loop: answers listings.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        searcher: redis.Redis,
        domain: Domain,
        settings: Settings,
        name: str,
        port: int,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        streams, claim_idle_ms = settings.streams, settings.claim_idle_ms
        cache = ModelCache(cache_folder_of(settings), tracking_uri_of(settings))
        self._client = client
        self._domain = domain
        self._settings = settings
        self._name = name
        self._failure: BaseException | None = None
        self._reads, self._commits = (PipelinedConnection(client, streams.listings) for _ in range(2))
        self.health = Health(STALL_S)
        self.registry = build_registry()
        self._metrics = ConsumerMetrics(domain, name, self.registry)
        self._tasks = PeriodicTasks(self._fail)
        self.follower = ModelFollower(client, streams, domain, cache, name, self.health, self._metrics)
        followed = (self.follower.activities, self.follower.changed)
        loads = ChallengerLoads(client, streams, name, settings.rollout.max_failures)
        self.rollouts = RolloutFollower(client, streams, domain, settings, cache, loads, name, self.health, *followed)
        self.group = ConsumerGroup(client, streams.listings, SCORERS, name, claim_idle_ms)
        self._lost = LostEntryDetector(searcher, streams, claim_idle_ms / 500, self._metrics)
        self._maintenance = Maintenance(client, streams, self.group, settings, self._metrics, loads)
        self._heartbeat = Heartbeat(
            client,
            streams.consumers,
            ConsumerHeartbeat,
            name,
            port,
            self.health,
            self.follower.activities,
            lambda: {**self.follower.describe(), **self.rollouts.describe(), "lookups": self._metrics.lookups},
            wakeup=self.follower.changed,
        )
        batch = settings.batch
        self._committer = Committer(self._commits, streams, domain, settings, name)
        lookups = PipelinedConnection(client, streams.features(""))
        self._features = FeatureStore(client, lookups, streams, domain, settings.features.max_age_s)
        self.scoring_loop = ScoringLoop(
            settings=settings,
            reader=PipelinedReader(
                self._reads, streams.listings, SCORERS, name, count=batch.max_records, block_ms=batch.block_ms
            ),
            group=self.group,
            rebuilder=GroupRebuilder(client, streams),
            scorer=BatchScorer(domain, settings, name),
            features=self._features,
            committer=self._committer,
            follower=self.follower,
            rollouts=self.rollouts,
            health=self.health,
            metrics=self._metrics,
            on_fenced=self._lost.add,
            tracing=tracing,
        )

    async def run(self) -> None:
        """Work until `stop`, then leave the group if nothing is left pending."""
        await self._probe()
        self.health.clear("start")
        idle_s = self._settings.claim_idle_ms / 1000
        self._tasks.start(
            [
                Step("heartbeat", self._settings.heartbeat_s, self._heartbeat.beat, self._heartbeat.wakeup),
                Step("follower", self._settings.swap.poll_s, self.follower.follow, self.follower.wakeup),
                Step("rollout", self._settings.swap.poll_s, self.rollouts.follow, self.rollouts.wakeup),
                Step("renewal", idle_s / 3, self._renew),
                Step("maintenance", self._settings.retention.interval_s, self._maintenance.run_once),
                Step("lost entries", idle_s, self._lost.check),
                Step("rights", _RIGHTS_CHECK_S, self._check_rights),
                Step("params file", WATCH_S, SettingsWatch(self.health, self._settings.domain).check),
            ]
        )
        try:
            await self.scoring_loop.run()
        finally:
            # not cancelled: what they write is either written or not begun
            await self._tasks.finish()
        if self._failure is not None:
            raise self._failure
        await self._leave()
        await self._features.close()
        await self._reads.close()
        await self._commits.close()

    def stop(self) -> None:
        """Finish what is in hand, then let `run` return."""
        self._heartbeat.is_stopping = True
        self.scoring_loop.stop()

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self.scoring_loop.stop()

    async def _probe(self) -> None:
        while not self._heartbeat.is_stopping:
            try:
                await try_commit(self._client, self._settings.streams, self._domain, self._settings, self._name)
                await convert_identities(self._client, self._settings.streams)
                await self._check_rights()
            except (ServerError, RedisError, OSError) as error:
                self.health.set_reason("scripts", str(error))
                self.health.beat()
                logger.error("commit script failed its probe, retrying", extra={"cause": str(error)})  # noqa: TRY400
                await asyncio.sleep(_PROBE_PAUSE_S)
            else:
                self.health.clear("scripts")
                return

    async def _check_rights(self) -> None:
        """Find out what the user may do beside the commit; a missing right costs no listing its outcome."""
        committer, streams = self._committer, self._settings.streams
        committer.replies.is_allowed = await may_reply(self._client, streams, committer.keys, self._name)
        committer.may_request = await may_request(self._client, streams, committer.keys)
        committer.may_pair = await may_pair(self._client, streams, committer.keys)
        may_read = not self._settings.features.is_on or await self._features.check_right()
        self._warn_unless(
            committer.replies.is_allowed, "replies", f"write to {streams.replies('*')}: askers get no replies"
        )
        self._warn_unless(committer.may_request, "explain", f"write to {streams.explain}: no prediction is explained")
        self._warn_unless(committer.may_pair, "shadows", f"write to {streams.shadows}: no pair of a rollout is kept")
        self._warn_unless(may_read, "features", f"read {streams.features('*')}: listings get no stored features")

    def _warn_unless(self, is_allowed: bool, name: str, refused: str) -> None:  # noqa: FBT001
        if is_allowed:
            self.health.clear(name)
        else:
            self.health.warn(name, f"this user may not {refused}")

    async def _renew(self) -> None:
        if entry_ids := self.scoring_loop.in_hand:
            await self.group.renew(entry_ids)

    async def _leave(self) -> None:
        try:
            await self.rollouts.leave()
            held = await self.group.leave()
            if not held:
                await self._heartbeat.remove()
        except (RedisError, OSError) as error:
            logger.warning("cannot leave the group", extra={"cause": str(error)})
        else:
            logger.info("consumer stopped with entries pending" if held else "consumer stopped")
