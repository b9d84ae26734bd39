from __future__ import annotations

import numpy as np

from schemas.classes import winners_of

CLASSES = ("small", "medium", "large")


def test_the_most_probable_class_is_predicted() -> None:
    rows = np.array([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.1, 0.2, 0.7]])
    assert winners_of(rows, CLASSES).tolist() == [0, 1, 2]


def test_among_equals_the_first_in_the_alphabet_is_predicted() -> None:
    rows = np.array([[0.4, 0.4, 0.2], [0.4, 0.2, 0.4], [1 / 3, 1 / 3, 1 / 3]])
    assert winners_of(rows, CLASSES).tolist() == [1, 2, 2]


def test_no_rows_give_no_classes() -> None:
    assert winners_of(np.empty((0, 3)), CLASSES).tolist() == []
