"""Domains whose columns, categories, classes and targets have names that libraries refuse or split."""

from __future__ import annotations

from typing import ClassVar, Literal

from schemas.features import Features, Integer, Number, Target, feature
from schemas.segments import Segment

GRADES = ("A+", "A-", "A*", "B (ok)", "<=50K", 'say "x"', "back\\slash", "😀", "s/l/", "..", "a|b", "$5-$10", "0", "1")
"""Classes; two differ only in a character that MLflow refuses."""
LONG = "very-" * 60


class _Columns(Features):
    source: Literal["<=50K", "A+", "B (ok)", "a|b"] = feature(column="utm__source", unit="", description="d")
    index: Number | None = feature(column="index", ge=0, le=10, unit="m²", description="d")
    prediction: Number = feature(column="prediction", ge=0, le=10, unit="", description="d")
    expected: Number = feature(column="expected", ge=0, le=10, unit="", description="d")
    in_xgboost: Number = feature(column="[0] <x>", ge=0, le=10, unit="", description="d")
    odd: Integer = feature(column="größe (50%) a/b:c", ge=0, le=10, unit="", description="d")
    kind: Literal["0", "1", "😀", '"', "\\"] | None = feature(column="class", unit="", description="d")
    config: Number = feature(column="model_config", ge=0, le=10, unit="", description="d")
    own: Number = feature(column="self", ge=0, le=10, unit="", description="d")
    named: Number = feature(column="name", ge=0, le=10, unit="", description="d")
    aim: Number = feature(column="target", ge=0, le=10, unit="", description="d")
    outcome: Number = feature(column="outcome", ge=0, le=10, unit="", description="d")
    identity: Number = feature(column="id", ge=0, le=10, unit="", description="d")
    remainder: Literal["x", LONG] = feature(column="remainder", unit="", description="d")  # type: ignore[valid-type]


class Grades(_Columns):
    """A classification."""

    name: ClassVar[str] = "grades"
    target: ClassVar[Target] = Target('grade\\"x"', classes=GRADES)
    segments: ClassVar[tuple[Segment, ...]] = (Segment("utm__source"), Segment("class"))


class Prices(_Columns):
    """A regression."""

    name: ClassVar[str] = "prices"
    target: ClassVar[Target] = Target("price\\unit", unit="$ or $")
    segments: ClassVar[tuple[Segment, ...]] = (Segment("class"),)
