"""The contenders: how each is started, and how to read from its answer which listing it answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from registry.versions import ModelVersionInfo
from tasador.machine.supervision import program_command, tasador_command

TASADOR, BARE, FASTSTREAM, CHAMPION, CLASSES = "tasador", "bare", "faststream", "champion", "classes"
NO_WINDOW, NO_METRICS, NO_DEDUPLICATION, LEAN = "no_window", "no_metrics", "no_deduplication", "lean"
CONSUMER = tuple(tasador_command("consumer", "--name", "benchmark", "--port", "0"))
"""Starts a consumer of this project."""
ANY_COST = {"SWAP__MAX_US_PER_ROW": "100000"}
"""The champion was admitted under the user's settings, which may allow a higher cost than the defaults."""
COMPARED = (BARE, FASTSTREAM, NO_WINDOW, NO_METRICS, NO_DEDUPLICATION, LEAN)
"""The contenders that the consumer's rate is divided by."""
CHAMPIONS = (CHAMPION, CLASSES)
"""Consumers with a model of the user's, whose rates are divided by those of other programs."""


class _PlainAnswer(msgspec.Struct):
    listing_id: str


class _Event(msgspec.Struct):
    data: _PlainAnswer


_decode_event = msgspec.json.Decoder(_Event).decode


def listing_id_of_event(event: bytes) -> str:
    """The id of the listing that an event of the product answers."""
    return _decode_event(event).data.listing_id


def _listing_id_of_plain_answer(answer: bytes) -> str:
    return msgspec.json.decode(answer, type=_PlainAnswer).listing_id


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that drains listings; by default this project's consumer.

    Attributes:
        name: in reports and in `tasador.bench.targets`.
        title: for people.
        commands: each starts one of its processes.
        listing_id_of: the id of the listing that an answer's event answers.
        is_product: whether it is this project's consumer, which needs an activated model and creates its own group.
        divisor: it drains this fraction of the listings, because it is too slow for all of them.
        settings: that differ from the defaults, by variable without the prefix.
        model: that the product's consumer runs, if not the rig's.
    """

    name: str
    title: str
    commands: tuple[tuple[str, ...], ...] = (CONSUMER,)
    listing_id_of: Callable[[bytes], str] = listing_id_of_event
    is_product: bool = True
    divisor: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    model: ModelVersionInfo | None = None

    @property
    def process_titles(self) -> tuple[str, ...]:
        """A title for each process."""
        count = len(self.commands)
        return (self.title,) if count == 1 else tuple(f"consumer {number}" for number in range(1, count + 1))


def build_contenders(booster: Path, consumers: int = 1) -> tuple[Contender, ...]:
    """The product's consumer first, then the programs it is compared with; several consumers together come last."""
    return (
        build_product(),
        build_bare(booster),
        _build_plain(FASTSTREAM, "FastStream, one by one", "one_by_one", booster, divisor=50),
        *([build_together(consumers)] if consumers > 1 else []),
    )


def build_reduced() -> tuple[Contender, ...]:
    """The product's consumer, then without its window, metrics or deduplication, and without all three."""
    no_deduplication = {"DEDUP_SECONDS": "0"}
    lean = (_program("lean", "window", "metrics"),)
    return (
        build_product(),
        Contender(NO_WINDOW, "the same without window", (_program("lean", "window"),)),
        Contender(NO_METRICS, "the same without metrics", (_program("lean", "metrics"),)),
        Contender(NO_DEDUPLICATION, "the same without deduplication", settings=no_deduplication),
        Contender(LEAN, "the same without all three", lean, settings=no_deduplication),
    )


def build_product(model: ModelVersionInfo | None = None) -> Contender:
    """The product's consumer, with the rig's model or the given one."""
    if model is None:
        return Contender(TASADOR, "tasador consumer")
    title = f"tasador consumer with the champion ({model.algorithm})"
    return Contender(CHAMPION, title, settings=ANY_COST, model=model)


def build_classes(model: ModelVersionInfo) -> Contender:
    """The product's consumer with the champion of a domain of classes."""
    title = f"tasador consumer with the champion of {model.name} ({model.algorithm})"
    return Contender(CLASSES, title, settings=ANY_COST, model=model)


def build_bare(booster: Path) -> Contender:
    """The bare loop alone."""
    return _build_plain(BARE, "bare redis-py loop", "bare", booster)


def build_together(count: int) -> Contender:
    """`count` consumers of the product, which share the work."""
    names = [f"benchmark-{number}" for number in range(2, count + 1)]
    others = [tuple(tasador_command("consumer", "--name", name, "--port", "0")) for name in names]
    return Contender(f"{TASADOR}-{count}", f"{count} tasador consumers", (CONSUMER, *others))


def _build_plain(name: str, title: str, module: str, booster: Path, divisor: int = 1) -> Contender:
    commands = (_program(module, str(booster)),)
    return Contender(name, title, commands, _listing_id_of_plain_answer, is_product=False, divisor=divisor)


def _program(module: str, *arguments: str) -> tuple[str, ...]:
    return tuple(program_command(sys.executable, "-m", f"{__package__}.{module}", *arguments))
