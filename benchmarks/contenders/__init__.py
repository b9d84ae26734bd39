"""Who takes part: how each is started, and how to tell from its answer which listing it answers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tasador.tether import foreign_command, part_command

TASADOR, BARE, FASTSTREAM = "tasador", "bare", "faststream"
CONSUMER = tuple(part_command("consumer", "--name", "benchmark", "--port", "0"))
"""Starts a consumer of this project."""
NO_WINDOW, NO_METRICS = "no_window", "no_metrics"


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
        helpers: commands of those who drain beside it; figures are for all of them together.
    """

    name: str
    title: str
    command: tuple[str, ...]
    listing_id: Callable[[bytes], str]
    is_product: bool = False
    share: int = 1
    helpers: tuple[tuple[str, ...], ...] = ()


def build_contenders(booster: Path, consumers: int = 1) -> tuple[Contender, ...]:
    """All that take part, the product's consumer first; where there are to be more consumers, also these together."""
    bare = foreign_command(sys.executable, "-m", "benchmarks.contenders.bare", str(booster))
    plain = foreign_command(sys.executable, "-m", "benchmarks.contenders.one_by_one", str(booster))
    return (
        _product(),
        Contender(BARE, "bare redis-py loop", tuple(bare), _of_peer),
        Contender(FASTSTREAM, "FastStream, one by one", tuple(plain), _of_peer, share=50),
        *([_together(consumers)] if consumers > 1 else []),
    )


def build_lean() -> tuple[Contender, ...]:
    """The product's consumer first, and then without its window and without its metrics."""
    return _product(), _without(NO_WINDOW, "window"), _without(NO_METRICS, "metrics")


def _product() -> Contender:
    return Contender(TASADOR, "tasador consumer", CONSUMER, _of_product, is_product=True)


def _without(name: str, part: str) -> Contender:
    command = foreign_command(sys.executable, "-m", "benchmarks.contenders.lean", part)
    return Contender(name, f"the same without {part}", tuple(command), _of_product, is_product=True)


def _together(count: int) -> Contender:
    names = [f"benchmark-{number}" for number in range(2, count + 1)]
    helpers = tuple(tuple(part_command("consumer", "--name", name, "--port", "0")) for name in names)
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
