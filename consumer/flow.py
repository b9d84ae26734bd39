"""A flow: one consumer's work in one shard, on connections of its own, from the first read to the trimming of its keys.

A domain with one shard has one flow. Flows share the consumer's models, health and metrics, and nothing else, so that a
shard whose server is away stops no other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import redis
import redis.asyncio

from consumer.backlog_figures import BacklogFigures
from consumer.batch_scorer import BatchScorer
from consumer.committer import Committer
from consumer.duty import ConsumerLoad, Duty
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
from consumer.scoring_thread import ScoringThread
from schemas.domain import Domain
from schemas.settings import Settings
from schemas.streams import SCORERS, Streams
from service.health import Health
from service.tracing import Tracing
from transport.consumer_group import ConsumerGroup
from transport.pipelined_connection import PipelinedConnection, PipelinedReader


@dataclass(frozen=True)
class Shared:
    """What all flows of a consumer share.

    Attributes:
        client: asynchronous client, replies in bytes.
        searcher: synchronous client for searches in a thread.
        name: of the consumer in every group.
        load: how busy the consumer is.
        thread: scores the batches of backlogs.
    """

    client: redis.asyncio.Redis
    searcher: redis.Redis
    domain: Domain
    settings: Settings
    name: str
    follower: ModelFollower
    rollouts: RolloutFollower
    health: Health
    metrics: ConsumerMetrics
    backlog: BacklogFigures
    tracing: Tracing
    load: ConsumerLoad
    thread: ScoringThread = field(default_factory=ScoringThread)


class Flow:
    """One consumer's work in one shard.

    Args:
        shared: with the consumer's other flows.
        streams: the shard's keys.

    Attributes:
        streams: as given.
        duty: whether this consumer reads the shard.
        group: its membership of the shard's group.
        features: looks stored features up.
        committer: writes outcomes.
        maintenance: keeps the shard's keys bounded.
        lost: finds entries that nobody has answered.
        scoring_loop: answers the shard's listings.
    """

    def __init__(self, shared: Shared, streams: Streams) -> None:
        client, domain, settings, name = shared.client, shared.domain, shared.settings, shared.name
        claim_idle_ms, batch = settings.claim_idle_ms, settings.batch
        self._shared = shared
        self._reads, self._commits = (PipelinedConnection(client, streams.listings) for _ in range(2))
        self.streams = streams
        self.duty = Duty(client, streams, shared.load, batch.block_ms)
        self.group = ConsumerGroup(client, streams.listings, SCORERS, name, claim_idle_ms)
        self.lost = LostEntryDetector(shared.searcher, streams, claim_idle_ms / 500, shared.metrics)
        self.maintenance = Maintenance(client, streams, settings, shared.backlog)
        self.committer = Committer(self._commits, streams, domain, settings, name)
        self.features = FeatureStore(client, streams, domain, settings.features.max_age_s)
        self.scoring_loop = ScoringLoop(
            settings=settings,
            reader=PipelinedReader(
                self._reads, streams.listings, SCORERS, name, count=batch.max_records, block_ms=batch.block_ms
            ),
            group=self.group,
            rebuilder=GroupRebuilder(client, streams),
            scorer=BatchScorer(domain, settings, name, streams.shard),
            thread=shared.thread,
            features=self.features,
            committer=self.committer,
            follower=shared.follower,
            rollouts=shared.rollouts,
            health=shared.health,
            metrics=shared.metrics,
            on_fenced=self.lost.add,
            tracing=shared.tracing,
            duty=self.duty,
            name=f" of shard {streams.shard}" if streams.shard else "",
        )

    async def probe(self) -> None:
        """Try the commit on keys beside the shard's, and convert what an earlier version left.

        Raises:
            ServerError: the user may not run the commit script.
            redis.exceptions.RedisError: as the server answered.
        """
        shared = self._shared
        await try_commit(shared.client, self.streams, shared.domain, shared.settings, shared.name)
        await convert_identities(shared.client, self.streams)

    async def find_refused(self) -> dict[str, str]:
        """Find out what the user may not do beside the commit, by name; it costs no listing its outcome.

        Raises:
            redis.exceptions.RedisError: the server cannot serve now.
        """
        committer, streams, client = self.committer, self.streams, self._shared.client
        committer.replies.is_allowed = await may_reply(client, streams, committer.keys, self._shared.name)
        committer.may_request = await may_request(client, streams, committer.keys)
        committer.may_pair = await may_pair(client, streams, committer.keys)
        may_read = not self._shared.settings.features.is_on or await self.features.check_right()
        found = {
            "replies": (committer.replies.is_allowed, f"write to {streams.replies('*')}: askers get no replies"),
            "explain": (committer.may_request, f"write to {streams.explain}: no prediction is explained"),
            "shadows": (committer.may_pair, f"write to {streams.shadows}: no pair of a rollout is kept"),
            "features": (may_read, f"read {streams.features('*')}: listings get no stored features"),
        }
        return {name: refused for name, (is_allowed, refused) in found.items() if not is_allowed}

    async def renew(self) -> None:
        """Keep entries in hand from being claimed by other consumers."""
        if entry_ids := self.scoring_loop.in_hand:
            await self.group.renew(entry_ids)

    async def close(self) -> None:
        """Close the connections."""
        await self.features.close()
        await self._reads.close()
        await self._commits.close()
