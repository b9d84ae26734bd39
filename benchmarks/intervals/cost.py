"""What ranges cost a consumer: finding and encoding them, a row."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from functools import partial
from time import perf_counter

import numpy as np

from consumer.answer_encoder import AnswerEncoder
from consumer.ranges import NO_RANGES, BatchRanges, ranges_of
from registry.calibration import Calibration, ClassCalibration, NumberCalibration
from schemas.decoding import ListingDecoder
from schemas.domain import load_domain
from schemas.sections import LimitSettings
from schemas.stamp import Stamp

ROWS = 1000
_ROUNDS = 300


def us_per_row(name: str) -> float:
    """Microseconds a row of a batch of 1,000: finding the ranges, and what they add to the encoding of predictions.

    Args:
        name: of a built-in domain.
    """
    domain, rng = load_domain(name), np.random.default_rng(1)
    classes = domain.target.classes
    row = {feature.column: feature.categories[0] if feature.categories else feature.ge for feature in domain.features}
    payload = json.dumps({"id": "home-1", "source": "/agency/1", "data": row}).encode()
    listings = [ListingDecoder(domain, LimitSettings()).decode(payload)] * ROWS
    scores = rng.dirichlet(np.full(len(classes), 0.3), ROWS) if classes else rng.normal(22, 8, ROWS)
    values = scores.argmax(axis=1).astype(np.float64) if classes else scores
    offsets = rng.uniform(1, 5, 20).tolist()
    calibration: Calibration = (
        ClassCalibration(0.9, ROWS, [0.3] * len(classes))
        if classes
        else NumberCalibration(0.9, ROWS, np.linspace(10, 40, 19).tolist(), [-each for each in offsets], offsets)
    )
    encoder, ids, numbers = AnswerEncoder(domain, 1000), [f"1-{n}" for n in range(ROWS)], scores.tolist()
    encode = encoder.predictions
    if classes:
        encode = partial(encoder.classifications, winners=values.astype(np.int64).tolist())

    def encoding(ranges: BatchRanges) -> float:
        return _fastest(
            lambda: encode(ids, "2026-01-01T00:00:00Z", listings, numbers, Stamp("1", "1-0"), ranges=ranges)
        )

    found = ranges_of(calibration, scores, values, classes)
    finding = _fastest(lambda: ranges_of(calibration, scores, values, classes))
    return (finding + encoding(found) - encoding(NO_RANGES)) * 1e6 / ROWS


def _fastest(work: Callable[[], object]) -> float:
    """Seconds of a call: the tenth of the rounds that took least, since other programs only add to it."""
    seconds = []
    gc.disable()
    for _ in range(_ROUNDS):
        begin = perf_counter()
        work()
        seconds.append(perf_counter() - begin)
    gc.enable()
    return sorted(seconds)[_ROUNDS // 10]
