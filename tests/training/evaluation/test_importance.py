from __future__ import annotations

from tests.models import fitted, table_of
from training.evaluation.importance import importances


def test_rooms_and_status_matter_most_for_prices() -> None:
    table = table_of("housing")
    losses = importances(fitted(table, trees=30), table, seed=1)
    assert set(losses) == set(table.domain.columns)
    assert set(list(losses)[:2]) == {"RM", "LSTAT"}
    assert list(losses.values()) == sorted(losses.values(), reverse=True)
