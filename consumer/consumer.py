"""One consumer: its parts, built from the settings, a flow for each shard, and the tasks that keep them going."""

from __future__ import annotations

import asyncio
import logging

import redis
import redis.asyncio
from redis.exceptions import RedisError

from consumer.backlog_figures import BacklogFigures
from consumer.challenger_loads import ChallengerLoads
from consumer.duty import ConsumerLoad
from consumer.fellows import Fellows
from consumer.flow import Flow, Shared
from consumer.metrics import ConsumerMetrics
from consumer.model_follower import ModelFollower
from consumer.rollout_follower import RolloutFollower
from consumer.shard_follower import ShardFollower
from registry.cache import ModelCache
from registry.location import cache_folder_of, tracking_uri_of
from schemas.domain import Domain
from schemas.errors import ServerError
from schemas.settings import Settings
from schemas.states import ConsumerHeartbeat
from service.health import Health
from service.heartbeat import Heartbeat
from service.metrics import build_registry
from service.periodic import PeriodicTasks, Step
from service.settings_watch import WATCH_S, SettingsWatch
from service.tracing import NO_TRACING, Tracing
from transport.tasks import run_all

logger = logging.getLogger(__name__)

STALL_S = 30.0
"""A scoring loop that has not completed a round for so long is stuck for good."""
_PROBE_PAUSE_S = 2.0
_RIGHTS_CHECK_S = _SWEEP_S = 10.0
_LAYOUT_S = 1.0
"""How often the number of shards is read: publishers trust theirs for as long."""


class Consumer:
    """Answers the listings of one domain.

    Args:
        client: asynchronous client, replies in bytes.
        searcher: synchronous client for searches in a thread.
        domain: whose listings are answered.
        settings: behaviour.
        name: its name in the consumer groups; two living consumers must not share one.
        port: where its endpoints are served; the heartbeat carries it.
        tracing: makes the spans of its batches.

    Attributes:
        health: reasons against readiness.
        registry: its Prometheus metrics.
        follower: follows the desired model.
        rollouts: follows the desired rollout.
        shards: follows how many shards there are.
        flows: its work in each shard, in order; before `run` that of the first.
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
        streams = settings.streams
        cache = ModelCache(cache_folder_of(settings), tracking_uri_of(settings))
        self._settings = settings
        self._failure: BaseException | None = None
        self._running: list[asyncio.Task[None]] = []
        self.health = Health(STALL_S)
        self.registry = build_registry()
        self._metrics = metrics = ConsumerMetrics(domain, name, self.registry)
        self._tasks = PeriodicTasks(self._fail)
        self.follower = ModelFollower(client, streams, domain, cache, name, self.health, metrics)
        followed = (self.follower.activities, self.follower.changed)
        loads = ChallengerLoads(client, streams, name, settings.rollout.max_failures)
        self.rollouts = RolloutFollower(client, streams, domain, settings, cache, loads, name, self.health, *followed)
        self._fellows = Fellows(client, streams, loads)
        self.shards = ShardFollower(client, streams, settings, name, self.health, self._fellows)
        self._heartbeat = Heartbeat(
            client,
            streams.consumers,
            ConsumerHeartbeat,
            name,
            port,
            self.health,
            self.follower.activities,
            lambda: {**self.follower.describe(), **self.rollouts.describe(), **self._describe()},
            wakeup=self.follower.changed,
        )
        self._shared = Shared(
            client=client,
            searcher=searcher,
            domain=domain,
            settings=settings,
            name=name,
            follower=self.follower,
            rollouts=self.rollouts,
            health=self.health,
            metrics=metrics,
            backlog=BacklogFigures(metrics),
            tracing=tracing,
            load=ConsumerLoad(),
        )
        self.flows = [self.build_flow(0)]

    def build_flow(self, shard: int) -> Flow:
        """The flow of one shard."""
        return Flow(self._shared, self._settings.streams.of_shard(shard))

    async def run(self) -> None:
        """Work until `stop`, then leave the groups if nothing is left pending."""
        await self._probe()
        self.health.clear("start")
        idle_s = self._settings.claim_idle_ms / 1000
        self._tasks.start(
            [
                Step("heartbeat", self._settings.heartbeat_s, self._heartbeat.beat, self._heartbeat.wakeup),
                Step("follower", self._settings.swap.poll_s, self.follower.follow, self.follower.wakeup),
                Step("rollout", self._settings.swap.poll_s, self.rollouts.follow, self.rollouts.wakeup),
                Step("shards", _LAYOUT_S, self._follow_shards),
                Step("renewal", idle_s / 3, lambda: run_all(flow.renew() for flow in self.flows)),
                Step("maintenance", self._settings.retention.interval_s, self._maintain),
                Step("sweep", _SWEEP_S, self._sweep),
                Step("lost entries", idle_s, lambda: run_all(flow.lost.check() for flow in self.flows)),
                Step("rights", _RIGHTS_CHECK_S, self._check_rights),
                Step("params file", WATCH_S, SettingsWatch(self.health, self._settings.domain).check),
            ]
        )
        try:
            await self._run_flows()
        finally:
            # not cancelled: what they write is either written or not begun
            await self._tasks.finish()
            self._shared.thread.close()
        if self._failure is not None:
            raise self._failure
        await self._leave()
        await run_all(flow.close() for flow in self.flows)

    def stop(self) -> None:
        """Finish what is in hand, then let `run` return."""
        self._heartbeat.is_stopping = True
        for flow in self.flows:
            flow.scoring_loop.stop()

    def _describe(self) -> dict[str, object]:
        """The fields of the heartbeat about shards and lookups."""
        own = tuple(flow.streams.shard for flow in self.flows if flow.duty.is_own)
        return {"shards": own, "shards_epoch": self.shards.layout.epoch, "lookups": self._metrics.lookups}

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self.stop()

    async def _run_flows(self) -> None:
        for flow in self.flows:
            self._start(flow)
        while any(not task.done() for task in self._running):
            await asyncio.wait(self._running)

    def _start(self, flow: Flow) -> None:
        task = asyncio.create_task(flow.scoring_loop.run(), name=f"shard {flow.streams.shard}")
        task.add_done_callback(self._ended)
        self._running.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._fail(error)

    async def _probe(self) -> None:
        while not self._heartbeat.is_stopping:
            try:
                await self._follow_shards()
                await self.flows[0].probe()
                await self._check_rights()
            except (ServerError, RedisError, OSError) as error:
                self.health.set_reason("scripts", str(error))
                self.health.beat()
                logger.error("commit script failed its probe, retrying", extra={"cause": str(error)})  # noqa: TRY400
                await asyncio.sleep(_PROBE_PAUSE_S)
            else:
                self.health.clear("scripts")
                return

    async def _follow_shards(self) -> None:
        """Work on shards that are new, and find out whose own ones they are."""
        layout = await self.shards.follow()
        known = {flow.streams.shard for flow in self.flows}
        await run_all(self._add(number) for number in range(layout.read) if number not in known)
        await self._assign()

    async def _add(self, number: int) -> None:
        """Work on a shard; if no server has it just now, the others are not kept waiting for it."""
        flow = self.build_flow(number)
        try:
            await flow.probe()
        except (ServerError, RedisError, OSError) as error:
            self.health.set_reason(f"redis{flow.scoring_loop.name}", str(error))  # its loop clears it
            return
        self.flows = sorted([*self.flows, flow], key=lambda each: each.streams.shard)
        if self._running and not self._heartbeat.is_stopping:
            self._start(flow)
            logger.info("shard added", extra={"shard": number})

    async def _assign(self) -> None:
        # shards that are read no longer have no owner, and their flows stand by
        owners = dict(enumerate(await self.shards.owners()))
        for flow in self.flows:
            flow.duty.assign(owners.get(flow.streams.shard, ""), self._shared.name)

    async def _maintain(self) -> None:
        await run_all(flow.maintenance.run_once(is_own=flow.duty.is_own) for flow in self.flows)

    async def _sweep(self) -> None:
        await self._fellows.sweep([flow.group for flow in self.flows])
        await self._fellows.bury()

    async def _check_rights(self) -> None:
        """Find out what the user may do beside the commit; a missing right costs no listing its outcome."""
        refused: dict[str, str] = {}
        for flow in self.flows:
            refused = await flow.find_refused() | refused
        for name in ("replies", "explain", "shadows", "features"):
            if name in refused:
                self.health.warn(name, f"this user may not {refused[name]}")
            else:
                self.health.clear(name)

    async def _leave(self) -> None:
        try:
            await self.rollouts.leave()
            held = sum([await flow.group.leave() for flow in self.flows])
            if not held:
                await self._heartbeat.remove()
        except (RedisError, OSError) as error:
            logger.warning("cannot leave the group", extra={"cause": str(error)})
        else:
            logger.info("consumer stopped with entries pending" if held else "consumer stopped")
