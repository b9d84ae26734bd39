"""Reads the answers to the demo's listings from the streams, as any client would."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import redis

from monitoring.latency import Latency, latency_of
from operations.verify import OutcomeVerdict, verify
from schemas.events import Answer, DeadLetter, Prediction
from schemas.shards import split_entry
from schemas.streams import DATA_FIELD, Streams
from transport.backlog import read_backlog
from transport.entries import EntryId
from transport.reading import scan
from transport.shards import read_layout

AnswerType = TypeVar("AnswerType", bound=Answer)

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class DemoAnswers:
    """The answers to some listings.

    Attributes:
        predictions: by the listing's entry.
        dead_letters: by the listing's entry.
        latency: from a listing's entry to its prediction's.
        longest_ms: the longest latency.
        seconds: from the first listing to the last answer.
        verdict: whether each listing has exactly one outcome.
    """

    predictions: Mapping[str, Prediction]
    dead_letters: Mapping[str, DeadLetter]
    latency: Latency | None
    longest_ms: int
    seconds: float
    verdict: OutcomeVerdict

    @property
    def imputed(self) -> int:
        """Number of predictions with imputed features."""
        return sum(bool(one.data.imputed) for one in self.predictions.values())

    @property
    def refused(self) -> Counter[str]:
        """Dead letters by reason."""
        return Counter(str(one.data.reason) for one in self.dead_letters.values())

    @property
    def rate(self) -> float:
        """Answers per second."""
        return (len(self.predictions) + len(self.dead_letters)) / max(self.seconds, 0.001)


def wait_for_answers(client: redis.Redis, streams: Streams, timeout_s: float, on_waiting: Callable[[], None]) -> None:
    """Wait until the backlog is empty, at most `timeout_s` seconds; `on_waiting` is called at each poll."""
    deadline = time.monotonic() + timeout_s
    shards = read_layout(client, streams).streams(streams)
    while sum(read_backlog(client, shard).total for shard in shards) and time.monotonic() < deadline:
        on_waiting()
        time.sleep(_POLL_S)


def read_answers(client: redis.Redis, streams: Streams, entries: Sequence[str]) -> DemoAnswers:
    """Read the answers to these listings, as publishing named their entries in order."""
    begin = min(EntryId.parse(split_entry(entry)[1]) for entry in entries)
    shards = read_layout(client, streams).streams(streams)
    predictions = _answers_to(entries, client, [shard.predictions for shard in shards], begin, Prediction)
    dead_letters = _answers_to(entries, client, [shard.dead_letters for shard in shards], begin, DeadLetter)
    latencies = [EntryId.parse(answer.id).age_ms(written.ms) for written, answer in predictions.values()]
    last = max([written for written, _ in (*predictions.values(), *dead_letters.values())], default=begin)
    return DemoAnswers(
        {entry: prediction for entry, (_, prediction) in predictions.items()},
        {entry: letter for entry, (_, letter) in dead_letters.items()},
        latency_of(latencies),
        max((each for each in latencies if each is not None), default=0),
        (begin.age_ms(last.ms) or 0) / 1000,
        verify(client, streams, entries),
    )


def _answers_to(
    entries: Sequence[str], client: redis.Redis, keys: Sequence[str], begin: EntryId, model: type[AnswerType]
) -> dict[str, tuple[EntryId, AnswerType]]:
    listings = set(entries)
    # an answer is written after its listing, and both ids come from the same clock
    found = (entry for key in keys for entry in scan(client, key, first=str(begin.ms)))
    read = ((EntryId.parse(entry_id), model.model_validate_json(fields[DATA_FIELD])) for entry_id, fields in found)
    return {answer.entry: (written, answer) for written, answer in read if answer.entry in listings}
