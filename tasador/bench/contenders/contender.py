"""The contenders: how each is started, and how to read from its answer which listing it answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from registry.versions import ModelVersionInfo
from tasador.machine.supervision import program_command, tasador_command

TASADOR, BARE, FASTSTREAM, CHAMPION = "tasador", "bare", "faststream", "champion"
NO_WINDOW, NO_METRICS, NO_DEDUPLICATION, LEAN = "no_window", "no_metrics", "no_deduplication", "lean"
CONSUMER = tuple(tasador_command("consumer", "--name", "benchmark", "--port", "0"))
"""Starts a consumer of this project."""
PROGRAMS = __package__
ANY_COST = {"SWAP__MAX_US_PER_ROW": "100000"}
"""The champion was admitted under the user's settings, which may allow a higher cost than the defaults."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that drains listings.

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
    commands: tuple[tuple[str, ...], ...]
    listing_id_of: Callable[[bytes], str]
    is_product: bool = False
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
    bare, plain = _program("bare", str(booster)), _program("one_by_one", str(booster))
    return (
        build_product(),
        Contender(BARE, "bare redis-py loop", (bare,), _listing_id_of_plain_answer),
        Contender(FASTSTREAM, "FastStream, one by one", (plain,), _listing_id_of_plain_answer, divisor=50),
        *([build_together(consumers)] if consumers > 1 else []),
    )


def build_reduced() -> tuple[Contender, ...]:
    """The product's consumer, then without its window, metrics or deduplication, and without all three."""
    no_deduplication = {"DEDUP_SECONDS": "0"}
    return (
        build_product(),
        _product(NO_WINDOW, "the same without window", _program("lean", "window")),
        _product(NO_METRICS, "the same without metrics", _program("lean", "metrics")),
        _product(NO_DEDUPLICATION, "the same without deduplication", settings=no_deduplication),
        _product(LEAN, "the same without all three", _program("lean", "window", "metrics"), settings=no_deduplication),
    )


def build_product(model: ModelVersionInfo | None = None) -> Contender:
    """The product's consumer, with the rig's model or the given one."""
    if model is None:
        return _product(TASADOR, "tasador consumer")
    title = f"tasador consumer with the champion ({model.algorithm})"
    return _product(CHAMPION, title, settings=ANY_COST, model=model)


def build_together(count: int) -> Contender:
    """`count` consumers of the product, which share the work."""
    names = [f"benchmark-{number}" for number in range(2, count + 1)]
    others = [tuple(tasador_command("consumer", "--name", name, "--port", "0")) for name in names]
    return _product(f"{TASADOR}-{count}", f"{count} tasador consumers", CONSUMER, *others)


def _product(
    name: str,
    title: str,
    *commands: tuple[str, ...],
    settings: Mapping[str, str] | None = None,
    model: ModelVersionInfo | None = None,
) -> Contender:
    return Contender(
        name,
        title,
        commands or (CONSUMER,),
        _listing_id_of_event,
        is_product=True,
        settings=settings or {},
        model=model,
    )


def _program(name: str, *arguments: str) -> tuple[str, ...]:
    return tuple(program_command(sys.executable, "-m", f"{PROGRAMS}.{name}", *arguments))


class _PlainAnswer(msgspec.Struct):
    listing_id: str


class _Event(msgspec.Struct):
    data: _PlainAnswer


def _listing_id_of_event(event: bytes) -> str:
    return msgspec.json.decode(event, type=_Event).data.listing_id


def _listing_id_of_plain_answer(answer: bytes) -> str:
    return msgspec.json.decode(answer, type=_PlainAnswer).listing_id
