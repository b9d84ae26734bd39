"""The AsyncAPI description of a worker's streams, made by FastStream from the contracts.

The broker here is never started: it declares what the worker reads and writes. The worker itself takes malformed
commands too, since every command gets an answer.
"""

from __future__ import annotations

from faststream.redis import RedisBroker, StreamSub
from faststream.specification import AsyncAPI

from schemas.commands import Command, ModelEvent
from schemas.streams import Streams


def describe(domain_name: str, streams: Streams) -> AsyncAPI:
    """The description of commands and model events."""
    broker = RedisBroker()

    @broker.subscriber(stream=StreamSub(streams.commands), title="commands", description="What operators want done")
    async def commands(event: Command) -> None: ...

    broker.publisher(
        stream=streams.model_events, title="model events", description="What happened to models", schema=ModelEvent
    )
    return AsyncAPI(
        broker,
        title=f"Tasador: training of {domain_name}",
        version="1",
        description=f"Commands for {domain_name} models",
    )
