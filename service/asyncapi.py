"""The AsyncAPI description of the streams that one kind of process reads and writes, made from the contracts.

FastStream makes it from a broker that is never started: it only declares who publishes and who subscribes what.
"""

# FastStream reads these annotations when the program runs, and a domain's contract is known only then
from typing import Any, Literal

from faststream.redis import RedisBroker, StreamSub
from faststream.specification import AsyncAPI

from schemas.commands import Command, ModelEvent
from schemas.domain import Domain
from schemas.drift import DriftEvent
from schemas.events import DeadLetter, Listing, Outcome, Prediction, Repeat, Resolution
from schemas.explanations import ExplanationAnswer
from schemas.history import Change
from schemas.pairs import ShadowEntry
from schemas.quality import QualityEvent
from schemas.streams import Streams
from schemas.window import WindowEntry

ProcessRole = Literal["consumer", "trainer", "monitor", "explainer"]


def describe(role: ProcessRole, domain: Domain, streams: Streams) -> AsyncAPI:
    """The description of one role's channels with their contracts; that of a consumer holds all of the domain's."""
    broker = RedisBroker()
    if role == "consumer":
        _subscribe(broker, streams.listings, Listing[domain.contract], "listings", "Events to score")  # type: ignore[name-defined]
    if role in {"consumer", "trainer"}:
        _subscribe(broker, streams.commands, Command, "commands", "What operators want done")
    if role in {"consumer", "monitor"}:
        _subscribe(broker, streams.outcomes, Outcome, "outcomes", "What listings really sold for")
    if role in {"consumer", "explainer"}:
        title = "requests for explanations"
        what = "Predictions to explain; a field `request` holds the row and the model (`ExplainRequest`)"
        _subscribe(broker, streams.explain, Prediction, title, what)
    for title, (stream, schema, description) in _published(role, streams).items():
        broker.publisher(stream=stream, title=title, description=description, schema=schema)
    title, description = _headline(role, domain)
    return AsyncAPI(broker, title=title, version="1", description=description)


def name_server(specification: AsyncAPI, broker: RedisBroker) -> None:
    """Let a description name the server of a process's broker, without its password, not FastStream's default."""
    for described in specification.brokers:
        described.specification.url = broker.specification.url
        described.specification.protocol = broker.specification.protocol


def _subscribe(broker: RedisBroker, stream: str, contract: Any, title: str, description: str) -> None:
    async def read(event: contract) -> None: ...

    read.__name__ = title
    broker.subscriber(stream=StreamSub(stream), title=title, description=description)(read)


def _published(role: ProcessRole, streams: Streams) -> dict[str, tuple[str, Any, str]]:
    models = (streams.model_events, ModelEvent, "What happened to models")
    changes = (streams.history, Change, "Who changed the models, and why; never trimmed")
    if role == "trainer":
        return {"model events": models, "history": changes}
    explanations = (streams.explanations, ExplanationAnswer, "Why predictions are what they are, or why not")
    if role == "explainer":
        return {"explanations": explanations}
    if role == "monitor":
        return {
            "drift": (streams.drift, DriftEvent, "How current rows compare with training"),
            "quality": (streams.drift, QualityEvent, "How good predictions were"),
        }
    replies = "Copies of answers for the listings that name this stream; a field `stream` says where the answer is"
    window = "Recent rows and predictions, packed: these fields and no `data`"
    return {
        "predictions": (streams.predictions, Prediction, "One for each scored listing"),
        "dead letters": (streams.dead_letters, DeadLetter, "One for each refused listing"),
        "rate limited": (streams.rate_limited, DeadLetter, "One for each listing beyond its source's rate"),
        "resolutions": (streams.resolutions, Resolution, "What operators did with dead letters"),
        "repeats": (streams.repeats, Repeat, "One for each listing dropped as a repeat"),
        "replies": (streams.replies("<name>"), Prediction | DeadLetter | Repeat, replies),
        "model events": models,
        "history": changes,
        "explanations": explanations,
        "shadows": (streams.shadows, ShadowEntry, "What both models of a rollout answer, packed: no `data` either"),
        "window": (streams.window, WindowEntry, window),
        "drift": (streams.drift, DriftEvent, "How recent rows compare with what training saw, from the monitor"),
    }


def _headline(role: ProcessRole, domain: Domain) -> tuple[str, str]:
    if role == "trainer":
        return f"Tasador: training of {domain.name}", f"Commands for {domain.name} models"
    if role == "explainer":
        return f"Tasador: explainer of {domain.name}", f"Explanations of {domain.name} predictions"
    if role == "monitor":
        return f"Tasador: monitor of {domain.name}", f"Reports on {domain.name}"
    target = domain.target
    what = f"one of {', '.join(target.classes)}" if target.classes else f"in {target.unit or 'no unit'}"
    return (
        f"Tasador: {domain.name}",
        f"Streams that score {domain.name} listings; they predict {target.name}, {what}",
    )
