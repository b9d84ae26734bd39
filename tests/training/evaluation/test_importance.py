from __future__ import annotations

from tests.models import fitted, table_of
from training.evaluation.importance import importances


def test_rooms_and_status_matter_most_for_prices() -> None:
    table = table_of("housing")
    found = importances(fitted(table, trees=30), table, seed=1)
    assert set(found) == set(table.domain.columns)
    assert set(list(found)[:2]) == {"RM", "LSTAT"}
    assert list(found.values()) == sorted(found.values(), reverse=True)
