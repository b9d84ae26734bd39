"""Rollouts with plain models, for consumers in the test's own process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.consumer import Consumer
from consumer.served_model import ServedModel
from schemas.arms import is_in_share, salt_of
from schemas.commands import ModelEvent, ModelEventType
from schemas.pairs import unpack_pairs
from schemas.rollouts import DesiredRollout
from schemas.rows import Matrix
from schemas.shards import listing_key
from schemas.stamp import Stamp
from schemas.streams import Streams
from schemas.window import layout_of
from tests.consumer.harness import HOUSING, Client, PlainScorer
from tests.waiting import wait_until_async

ROLLOUT = "9-0"
SALT = "spring"
CHAMPION, CHALLENGER = 2.0, 3.0
"""How many times its rooms each model prices a listing at."""


class OddScorer(PlainScorer):
    """A challenger that answers whatever a function makes of its prices."""

    def __init__(self, change: Callable[[Matrix, NDArray[np.float64]], Any]) -> None:
        super().__init__(CHALLENGER)
        self._change = change

    def score(self, matrix: Matrix, /) -> Any:
        """What the function returns of the matrix and the prices."""
        return self._change(matrix, super().score(matrix))


def desired_rollout(**changes: Any) -> DesiredRollout:
    """A canary of version 2 over half of the listings."""
    fields: dict[str, Any] = {"id": ROLLOUT, "revision": ROLLOUT, "mode": "canary", "version": "2", "share": 0.5}
    fields |= {"digest": "0" * 64, "uri": "nowhere", "salt": SALT, "pairs": True, "champion": "1"}
    return DesiredRollout(**(fields | changes))


async def carry_out(
    client: Client, consumer: Consumer, scorer: PlainScorer | None = None, **changes: Any
) -> DesiredRollout:
    """Start a rollout with a plain challenger, which the consumer does not fetch, and wait until it carries it out."""

    async def fetch(desired: DesiredRollout) -> ServedModel:
        return served_challenger(scorer, desired.id)

    consumer.rollouts._fetch = fetch  # type: ignore[method-assign]
    state = desired_rollout(**changes)
    write_rollout(client, consumer.rollouts.streams, state)
    consumer.rollouts.wakeup.set()
    await wait_until_async(lambda: consumer.rollouts.served is not None)
    return state


def write_rollout(client: Client, streams: Streams, state: DesiredRollout) -> None:
    """Make a rollout the desired one, as the worker does."""
    fields = state.model_dump(mode="json", exclude_none=True)
    client.hset(streams.rollout, mapping={name: str(value) for name, value in fields.items()})


def announce_rollout(client: Client, streams: Streams, kind: ModelEventType = "rollout.started", **changes: Any) -> str:
    """Write the event about a rollout as the worker does; returns its entry id."""
    state = desired_rollout(**changes)
    names = ("version", "mode", "share", "salt", "pairs")
    about = {name: getattr(state, name) for name in names} | (
        {} if kind == "rollout.started" else {"rollout": state.id}
    )
    event = ModelEvent.of("test", kind, **about)
    entry: bytes = client.xadd(streams.model_events, {"data": event.model_dump_json(exclude_none=True)})
    return entry.decode()


def served_challenger(scorer: PlainScorer | None = None, rollout: str = ROLLOUT) -> ServedModel:
    """A challenger whose training range includes every valid value."""
    bound = np.full(len(HOUSING.columns), np.inf)
    stamp = Stamp("2", rollout, rollout, "challenger")
    return ServedModel(scorer or PlainScorer(CHALLENGER), stamp, -bound, bound)


def is_concerned(listing_id: str, share: float = 0.5) -> bool:
    """Whether the rollout concerns a listing without subject and source."""
    return is_in_share(listing_key(None, None, listing_id), salt_of(SALT), share)


def stored_pairs(client: Client, streams: Streams) -> NDArray[np.void]:
    """All pairs on the stream, in its order."""
    entries: Any = client.xrange(streams.shadows)
    empty = unpack_pairs("", {b"layout": b"", b"pairs": b""})
    return np.concatenate([empty, *(unpack_pairs(layout_of(HOUSING), fields) for _, fields in entries)])
