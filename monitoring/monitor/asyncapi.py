"""The AsyncAPI description of a monitor's streams, made by FastStream from the contracts; its broker never starts."""

from __future__ import annotations

from faststream.redis import RedisBroker, StreamSub
from faststream.specification import AsyncAPI

from schemas.drift import DriftEvent
from schemas.events import Outcome
from schemas.quality import QualityEvent
from schemas.streams import Streams


def describe(domain_name: str, streams: Streams) -> AsyncAPI:
    """The description of what a monitor reads and writes."""
    broker = RedisBroker()
    broker.publisher(
        stream=streams.drift, title="drift", description="How current rows compare with training", schema=DriftEvent
    )
    broker.publisher(
        stream=streams.drift, title="quality", description="How good predictions were", schema=QualityEvent
    )

    @broker.subscriber(
        stream=StreamSub(streams.outcomes), title="outcomes", description="What listings really sold for"
    )
    async def outcomes(event: Outcome) -> None: ...

    return AsyncAPI(
        broker, title=f"Tasador: monitor of {domain_name}", version="1", description=f"Reports on {domain_name}"
    )
