"""Predictions are counted by kind."""

from __future__ import annotations

from dataclasses import replace

from consumer.batch_scorer import BatchScorer
from schemas.settings import Settings
from tests.consumer.harness import HOUSING, ROW, event, served
from transport.consumer_group import Entry


def test_prices_are_counted_by_how_usual_they_are() -> None:
    rooms = (4.0, 6.0, 6.5, 8.0)
    entries = [Entry(f"{i}-0".encode(), [b"data", event(f"l-{i}", {**ROW, "RM": rm})]) for i, rm in enumerate(rooms)]
    scorer = BatchScorer(HOUSING, Settings(), "a")
    batch = scorer.score(scorer.decode(entries), replace(served(), usual=(12.0, 13.0)))
    assert batch.kinds == {"very_low": 1, "usual": 2, "very_high": 1}
