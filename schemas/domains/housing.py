"""Boston housing: the median home value of a census tract (Harrison and Rubinfeld 1978)."""

from __future__ import annotations

from typing import Any, ClassVar

from schemas.features import Features, Integer, Number, Target, feature
from schemas.quality_limits import QualityLimits
from schemas.segments import Segment


class Housing(Features):
    """One census tract of Boston; predicts the median value of its owner-occupied homes."""

    name: ClassVar[str] = "housing"
    target: ClassVar[Target] = Target("MEDV", unit="thousands of dollars")
    segments: ClassVar[tuple[Segment, ...]] = (Segment("CHAS"), Segment("RAD"), Segment("LSTAT", parts=3))
    limits: ClassVar[QualityLimits] = QualityLimits(max_rmse=5.0, min_r2=0.7, within=5.0, far_off=5.0)
    table_source: ClassVar[str] = "Boston housing (Harrison and Rubinfeld 1978), as mlxtend ships it"

    CRIM: Number | None = feature(ge=0, le=100, unit="per capita", description="crime rate of the town")
    ZN: Number | None = feature(ge=0, le=100, unit="percent", description="land zoned for lots over 25,000 square feet")
    INDUS: Number | None = feature(ge=0, le=100, unit="percent", description="acres of non-retail business in the town")
    CHAS: Integer | None = feature(ge=0, le=1, unit="", description="1 if the tract bounds the Charles River")
    NOX: Number = feature(ge=0, le=2, unit="parts per 10 million", description="nitric oxides concentration")
    RM: Number = feature(ge=1, le=15, unit="rooms", description="average number of rooms in a dwelling")
    AGE: Number | None = feature(ge=0, le=100, unit="percent", description="owner-occupied units built before 1940")
    DIS: Number = feature(ge=0, le=20, unit="weighted miles", description="distance to five employment centres")
    RAD: Integer = feature(ge=1, le=24, unit="index", description="access to radial highways")
    TAX: Number = feature(ge=0, le=2000, unit="dollars per 10,000", description="full-value property tax rate")
    PTRATIO: Number = feature(ge=1, le=50, unit="pupils per teacher", description="pupil-teacher ratio of the town")
    B: Number = feature(ge=0, le=400, unit="", description="the 1978 study's transform 1000 (b - 0.63)^2")
    LSTAT: Number | None = feature(ge=0, le=100, unit="percent", description="lower-status population")

    @classmethod
    def built_in_table(cls) -> list[dict[str, Any]]:
        """The 506 tracts of the 1978 study, without gaps."""
        from mlxtend.data import boston_housing_data

        rows, prices = boston_housing_data()
        columns = (*cls.model_fields, cls.target.name)
        table = [
            dict(zip(columns, (*row, price), strict=True))
            for row, price in zip(rows.tolist(), prices.tolist(), strict=True)
        ]
        return [row | {"CHAS": int(row["CHAS"]), "RAD": int(row["RAD"])} for row in table]
