"""Predictions carry the intervals or prediction sets of their model's calibration."""

from __future__ import annotations

import json

import msgspec
import numpy as np

from consumer.answer_encoder import AnswerEncoder
from consumer.ranges import NO_RANGES, ranges_of
from registry.calibration import ClassCalibration, NumberCalibration
from schemas.decoding import DecodedListing, ListingDecoder
from schemas.domain import Domain, load_domain
from schemas.events import Prediction
from schemas.sections import LimitSettings
from schemas.stamp import Stamp

HOUSING, OBESITY = load_domain("housing"), load_domain("obesity")
NUMBERS = NumberCalibration(0.9, 500, [20.0], [-1.0, -2.0], [1.0, 4.0])
TIME, STAMP = "2026-11-20T12:00:00Z", Stamp("7", "1-0")


def listings(domain: Domain, count: int) -> list[DecodedListing]:
    row = {f.column: f.categories[0] if f.categories else f.ge for f in domain.features}
    decoder = ListingDecoder(domain, LimitSettings())
    return [decoder.decode(json.dumps({"id": str(n), "data": row}).encode()) for n in range(count)]


def events(lines: bytes) -> list[Prediction]:
    found = []
    for line in lines.splitlines():
        event = Prediction.model_validate_json(line)
        assert event.data.model_extra in (None, {})
        assert event.model_dump(mode="json", exclude_unset=True) == json.loads(line)
        found.append(event)
    return found


def test_numbers_carry_an_interval_and_its_coverage() -> None:
    scores = np.array([10.0, 30.0])
    ranges = ranges_of(NUMBERS, scores, scores, ())
    lines = AnswerEncoder(HOUSING, 1000).predictions(
        ["1-0", "1-1"], TIME, listings(HOUSING, 2), scores.tolist(), STAMP, ranges=ranges
    )
    assert [each.data.interval for each in events(lines)] == [(9.0, 11.0), (28.0, 34.0)]
    assert {each.data.coverage for each in events(lines)} == {0.9}
    assert {each.data.candidates for each in events(lines)} == {None}


def test_classes_carry_their_candidates_in_declared_order() -> None:
    classes = OBESITY.target.classes
    calibration = ClassCalibration(0.9, 500, [0.3] * len(classes))
    scores = np.zeros((3, len(classes)))
    scores[0, [1, 4]] = 0.4, 0.6
    scores[1, 2] = 1.0
    scores[2] = 1 / len(classes)
    winners = scores.argmax(axis=1).astype(np.float64)
    ranges = ranges_of(calibration, scores, winners, classes)
    lines = AnswerEncoder(OBESITY, 1000).classifications(
        ["1-0", "1-1", "1-2"],
        TIME,
        listings(OBESITY, 3),
        scores.tolist(),
        STAMP,
        ranges=ranges,
        winners=[4, 2, 0],
    )
    found = events(lines)
    assert [each.data.candidates for each in found] == [[classes[1], classes[4]], [classes[2]], [classes[0]]]
    assert {(each.data.coverage, each.data.interval) for each in found} == {(0.9, None)}


def test_more_classes_than_bits_of_a_byte_are_kept_apart() -> None:
    classes = tuple(f"class {number}" for number in range(20))
    scores = np.eye(20)
    ranges = ranges_of(ClassCalibration(0.9, 500, [0.5] * 20), scores, np.arange(20.0), classes)
    assert [msgspec.json.decode(each) for each in ranges.each] == [[name] for name in classes]


def test_a_model_without_calibration_gives_none() -> None:
    assert ranges_of(None, np.ones(3), np.ones(3), ()) is NO_RANGES
    lines = AnswerEncoder(HOUSING, 1000).predictions(["1-0"], TIME, listings(HOUSING, 1), [2.0], STAMP)
    assert not {"interval", "candidates", "coverage"} & set(json.loads(lines)["data"])


def test_a_batch_without_predictions_has_none() -> None:
    for calibration, scores, classes in (
        (NUMBERS, np.empty(0), ()),
        (ClassCalibration(0.9, 500, [0.5] * 7), np.empty((0, 7)), OBESITY.target.classes),
    ):
        assert list(ranges_of(calibration, scores, np.empty(0), classes).each) == []
