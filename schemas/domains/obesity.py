"""Obesity levels from eating habits and physical condition (Palechor and de la Hoz Manotas 2019, UCI 544)."""

from __future__ import annotations

from typing import ClassVar, Literal

from schemas.features import Derived, Features, Number, Target, feature
from schemas.quality_limits import QualityLimits
from schemas.segments import Segment

YesNo = Literal["yes", "no"]
HowOften = Literal["no", "Sometimes", "Frequently", "Always"]
Transport = Literal["Automobile", "Bike", "Motorbike", "Public_Transportation", "Walking"]


class Obesity(Features):
    """One person; predicts the level of body weight."""

    name: ClassVar[str] = "obesity"
    target: ClassVar[Target] = Target(
        "NObeyesdad",
        classes=(
            "Insufficient_Weight",
            "Normal_Weight",
            "Overweight_Level_I",
            "Overweight_Level_II",
            "Obesity_Type_I",
            "Obesity_Type_II",
            "Obesity_Type_III",
        ),
        labels={
            "risk_level": {
                "Insufficient_Weight": "medium",
                "Normal_Weight": "low",
                "Overweight_Level_I": "medium",
                "Overweight_Level_II": "medium",
                "Obesity_Type_I": "high",
                "Obesity_Type_II": "high",
                "Obesity_Type_III": "high",
            }
        },
    )
    segments: ClassVar[tuple[Segment, ...]] = (
        Segment("Gender"),
        Segment("family_history_with_overweight"),
        Segment("MTRANS"),
        Segment("Age", parts=3),
    )
    limits: ClassVar[QualityLimits] = QualityLimits(min_accuracy=0.85)
    derived: ClassVar[tuple[Derived, ...]] = (Derived("BMI", {"Weight": 1, "Height": -2}, unit="kg/m²"),)

    Gender: Literal["Female", "Male"] | None = feature(unit="", description="gender")
    Age: Number = feature(ge=5, le=120, unit="years", description="age")
    Height: Number = feature(ge=1, le=2.5, unit="m", description="height")
    Weight: Number = feature(ge=20, le=300, unit="kg", description="weight")
    family_history_with_overweight: YesNo | None = feature(unit="", description="a family member is or was overweight")
    FAVC: YesNo | None = feature(unit="", description="often eats food rich in calories")
    FCVC: Number = feature(ge=1, le=3, unit="1 never to 3 always", description="vegetables in meals")
    NCP: Number | None = feature(ge=1, le=4, unit="meals a day", description="main meals")
    CAEC: HowOften | None = feature(unit="", description="eats between meals")
    SMOKE: YesNo | None = feature(unit="", description="smokes")
    CH2O: Number = feature(ge=1, le=3, unit="1 below a litre to 3 above two", description="water drunk a day")
    SCC: YesNo | None = feature(unit="", description="counts calories")
    FAF: Number = feature(ge=0, le=3, unit="0 none to 3 four days or more", description="physical activity a week")
    TUE: Number = feature(ge=0, le=2, unit="0 two hours at most to 2 above five", description="time with devices")
    CALC: HowOften = feature(unit="", description="drinks alcohol")
    MTRANS: Transport = feature(unit="", description="usual transport")
