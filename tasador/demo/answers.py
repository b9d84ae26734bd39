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
from schemas.streams import DATA_FIELD, Streams
from transport.backlog import read_backlog
from transport.entries import EntryId
from transport.reading import scan

AnswerType = TypeVar("AnswerType", bound=Answer)

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class DemoAnswers:
    """The answers to some listings.

    Attributes:
        predictions: by the entry id of the listing.
        dead_letters: by the entry id of the listing.
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
    while read_backlog(client, streams).total and time.monotonic() < deadline:
        on_waiting()
        time.sleep(_POLL_S)


def read_answers(client: redis.Redis, streams: Streams, entry_ids: Sequence[str]) -> DemoAnswers:
    """Read the answers to the listings with these entry ids, oldest first."""
    predictions = _answers_to(entry_ids, client, streams.predictions, Prediction)
    dead_letters = _answers_to(entry_ids, client, streams.dead_letters, DeadLetter)
    latencies = [EntryId.parse(entry_id).age_ms(written.ms) for entry_id, (written, _) in predictions.items()]
    begin = EntryId.parse(entry_ids[0])
    last = max([written for written, _ in (*predictions.values(), *dead_letters.values())], default=begin)
    return DemoAnswers(
        {entry_id: prediction for entry_id, (_, prediction) in predictions.items()},
        {entry_id: letter for entry_id, (_, letter) in dead_letters.items()},
        latency_of(latencies),
        max((each for each in latencies if each is not None), default=0),
        (begin.age_ms(last.ms) or 0) / 1000,
        verify(client, streams, entry_ids),
    )


def _answers_to(
    entry_ids: Sequence[str], client: redis.Redis, key: str, model: type[AnswerType]
) -> dict[str, tuple[EntryId, AnswerType]]:
    listings = set(entry_ids)
    # an answer is written after its listing, and both ids come from the same clock
    entries = scan(client, key, first=str(EntryId.parse(entry_ids[0]).ms))
    read = ((EntryId.parse(entry_id), model.model_validate_json(fields[DATA_FIELD])) for entry_id, fields in entries)
    return {answer.id: (written, answer) for written, answer in read if answer.id in listings}
