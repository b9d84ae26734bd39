"""Who takes part: how each is started, and how to tell from its answer which listing it answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from registry.versions import ModelVersionInfo
from tasador.machine.supervision import program_command, tasador_command

TASADOR, BARE, FASTSTREAM, CHAMPION = "tasador", "bare", "faststream", "champion"
CONSUMER = tuple(tasador_command("consumer", "--name", "benchmark", "--port", "0"))
"""Starts a consumer of this project."""
NO_WINDOW, NO_METRICS, NO_DEDUPLICATION, LEAN = "no_window", "no_metrics", "no_deduplication", "lean"
NOTHING: Mapping[str, str] = {}
ANY_COST = {"SWAP__MAX_US_PER_ROW": "100000"}
"""A champion has been let pass by its own settings, which may allow more than the defaults."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One who drains listings.

    Attributes:
        name: in tables and in `benchmarks.targets`.
        title: what it is, for a person.
        command: starts its process.
        listing_id: of the listing that an answer's event answers.
        is_product: it is this project's consumer, which wants an activated model and makes its group itself.
        share: it drains one of so many listings, where it is too slow for all of them.
        helpers: commands of those who drain beside it.
        settings: of its processes that are not the defaults, by their variables without the prefix.
        model: that the product's consumer is to run, where it is not the rig's.
    """

    name: str
    title: str
    command: tuple[str, ...]
    listing_id: Callable[[bytes], str]
    is_product: bool = False
    share: int = 1
    helpers: tuple[tuple[str, ...], ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    model: ModelVersionInfo | None = None

    @property
    def processes(self) -> tuple[str, ...]:
        """What its processes are called."""
        count = 1 + len(self.helpers)
        return (self.title,) if count == 1 else tuple(f"consumer {number}" for number in range(1, count + 1))


def build_contenders(booster: Path, consumers: int = 1) -> tuple[Contender, ...]:
    """All that take part, the product's consumer first; where there are to be more consumers, also these together."""
    bare = program_command(sys.executable, "-m", "benchmarks.contenders.bare", str(booster))
    plain = program_command(sys.executable, "-m", "benchmarks.contenders.one_by_one", str(booster))
    return (
        build_product(),
        Contender(BARE, "bare redis-py loop", tuple(bare), _of_peer),
        Contender(FASTSTREAM, "FastStream, one by one", tuple(plain), _of_peer, share=50),
        *([build_together(consumers)] if consumers > 1 else []),
    )


def build_lean() -> tuple[Contender, ...]:
    """The product's consumer first, then without its window, metrics and deduplication, and without all three."""
    no_repeats = {"DEDUP_SECONDS": "0"}
    return (
        build_product(),
        _without(NO_WINDOW, "window"),
        _without(NO_METRICS, "metrics"),
        Contender(
            NO_DEDUPLICATION,
            "the same without deduplication",
            CONSUMER,
            _of_product,
            is_product=True,
            settings=no_repeats,
        ),
        _without(LEAN, "window", "metrics", title="the same without all three", settings=no_repeats),
    )


def build_product(model: ModelVersionInfo | None = None) -> Contender:
    """The product's consumer; with another model than the rig's where one is given."""
    if model is None:
        return Contender(TASADOR, "tasador consumer", CONSUMER, _of_product, is_product=True)
    title = f"tasador consumer with the champion ({model.algorithm})"
    return Contender(CHAMPION, title, CONSUMER, _of_product, is_product=True, model=model, settings=ANY_COST)


def _without(name: str, *parts: str, title: str = "", settings: Mapping[str, str] = NOTHING) -> Contender:
    command = program_command(sys.executable, "-m", "benchmarks.contenders.lean", *parts)
    title = title or f"the same without {parts[0]}"
    return Contender(name, title, tuple(command), _of_product, is_product=True, settings=settings)


def build_together(count: int) -> Contender:
    """So many of the product's consumers."""
    names = [f"benchmark-{number}" for number in range(2, count + 1)]
    helpers = tuple(tuple(tasador_command("consumer", "--name", name, "--port", "0")) for name in names)
    name, title = f"{TASADOR}-{count}", f"{count} tasador consumers"
    return Contender(name, title, CONSUMER, _of_product, is_product=True, helpers=helpers)


class _PeersAnswer(msgspec.Struct):
    listing_id: str


class _Answer(msgspec.Struct):
    data: _PeersAnswer


def _of_product(event: bytes) -> str:
    return msgspec.json.decode(event, type=_Answer).data.listing_id


def _of_peer(event: bytes) -> str:
    return msgspec.json.decode(event, type=_PeersAnswer).listing_id
