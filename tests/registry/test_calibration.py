"""A stored calibration is checked before it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.calibration import (
    CALIBRATION_FILE,
    ClassCalibration,
    NumberCalibration,
    read_calibration,
    write_calibration,
)
from registry.card import ModelCard
from schemas.errors import ModelRejectedError

NUMBERS = NumberCalibration(0.9, 500, [10.0, 20.0], [-1.0, -2.0, -3.0], [1.0, 2.0, 4.0])
CLASSES = ClassCalibration(0.9, 500, [0.2, 0.5])


def card(**values: Any) -> ModelCard:
    return ModelCard.model_construct(**({"task": "regression", "classes": ()} | values))


OF_CLASSES = card(task="classification", classes=("a", "b"))


def test_an_interval_adds_the_offsets_of_its_group() -> None:
    intervals = NUMBERS.intervals(np.array([0.0, 9.99, 10.0, 20.0, 25.0]))
    assert intervals.tolist() == [[-1, 1], [8.99, 10.99], [8, 12], [17, 24], [22, 29]]
    assert NUMBERS.intervals(np.empty(0)).shape == (0, 2)


def test_a_prediction_set_holds_probable_classes_and_the_predicted_one() -> None:
    probabilities = np.array([[0.1, 0.9], [0.3, 0.7], [0.55, 0.45], [0.19, 0.4]])
    is_in = CLASSES.is_candidate(probabilities, probabilities.argmax(axis=1))
    assert is_in.tolist() == [[False, True], [True, True], [True, False], [False, True]]


@pytest.mark.parametrize(("calibration", "of"), [(NUMBERS, card()), (CLASSES, OF_CLASSES)])
def test_it_is_read_as_it_was_written(
    tmp_path: Path, calibration: NumberCalibration | ClassCalibration, of: ModelCard
) -> None:
    assert read_calibration(tmp_path, of) is None
    write_calibration(tmp_path, calibration)
    assert read_calibration(tmp_path, of) == calibration


@pytest.mark.parametrize(("changes", "of"), [
    ({"low": [-1.0]}, card()),
    ({"edges": [20.0, 10.0]}, card()),
    ({"edges": [10.0, 10.0]}, card()),
    ({"low": [-1.0, 5.0, -3.0]}, card()),
    ({"coverage": 1.0}, card()),
    ({"high": [1.0, 2.0, None]}, card()),
    ({"rows": "many"}, card()),
    ({}, OF_CLASSES),
    ({"task": "classes", "least": [0.1, 0.2]}, card()),
    ({"task": "classes", "least": [0.1]}, OF_CLASSES),
    ({"task": "other"}, card()),
])  # fmt: skip
def test_one_that_does_not_fit_is_rejected(tmp_path: Path, changes: dict[str, Any], of: ModelCard) -> None:
    write_calibration(tmp_path, NUMBERS)
    path = tmp_path / CALIBRATION_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ModelRejectedError, match=r"calibration\.json") as caught:
        read_calibration(tmp_path, of)
    assert caught.value.check == "signature"
