"""The AsyncAPI description of one domain's streams, made by FastStream from the contracts.

The broker here is never started: it declares who publishes and who subscribes what, in the contracts' types.
"""

# FastStream reads these annotations when the program runs, and a domain's contract is known only then
from typing import Any

from faststream.redis import RedisBroker, StreamSub
from faststream.specification import AsyncAPI

from schemas.commands import Command, ModelEvent
from schemas.domain import Domain
from schemas.drift import DriftEvent
from schemas.events import DeadLetter, Listing, Outcome, Prediction, Repeat, Resolution
from schemas.streams import Streams
from schemas.window import WindowEntry


def describe(domain: Domain, streams: Streams) -> AsyncAPI:
    """The description of all channels with their contracts."""
    broker = RedisBroker()

    @broker.subscriber(stream=StreamSub(streams.listings), title="listings", description="Events to score")
    async def listings(event: Listing[domain.contract]) -> None: ...  # type: ignore[name-defined]

    @broker.subscriber(stream=StreamSub(streams.commands), title="commands", description="What operators want done")
    async def commands(event: Command) -> None: ...

    @broker.subscriber(
        stream=StreamSub(streams.outcomes), title="outcomes", description="What listings really sold for"
    )
    async def outcomes(event: Outcome) -> None: ...

    written: dict[str, tuple[str, Any, str]] = {
        "predictions": (streams.predictions, Prediction, "One for each scored listing"),
        "dead letters": (streams.dead_letters, DeadLetter, "One for each refused listing"),
        "rate limited": (streams.rate_limited, DeadLetter, "One for each listing beyond its source's rate"),
        "resolutions": (streams.resolutions, Resolution, "What operators did with dead letters"),
        "repeats": (streams.repeats, Repeat, "One for each listing dropped as a repeat"),
        "model events": (streams.model_events, ModelEvent, "What happened to models"),
        "window": (
            streams.window,
            WindowEntry,
            "Recent rows and predictions, packed: these fields and no `data`",
        ),
        "drift": (streams.drift, DriftEvent, "How recent rows compare with what training saw, from the monitor"),
    }
    for title, (stream, schema, description) in written.items():
        broker.publisher(stream=stream, title=title, description=description, schema=schema)
    target = domain.target
    what = f"one of {', '.join(target.classes)}" if target.classes else f"in {target.unit or 'no unit'}"
    return AsyncAPI(
        broker,
        title=f"Tasador: {domain.name}",
        version="1",
        description=f"Streams that score {domain.name} listings; they predict {target.name}, {what}",
    )
