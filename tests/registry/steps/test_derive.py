from __future__ import annotations

import numpy as np
import pytest

from registry.steps.derive import Derive
from schemas.domain import domain_of, load_domain
from schemas.errors import DomainError
from schemas.features import Derived, Features, Number, Target, feature


def test_the_body_mass_index_is_weight_over_height_squared() -> None:
    people = np.array([[1.62, 64.0], [1.8, 77.0]])
    derived = Derive([{1: 1, 0: -2}]).fit_transform(people)
    np.testing.assert_allclose(derived[:, 2], [64 / 1.62**2, 77 / 1.8**2])
    np.testing.assert_array_equal(derived[:, :2], people)


def test_obesity_derives_the_body_mass_index() -> None:
    assert [one.name for one in load_domain("obesity").derived] == ["BMI"]
    assert not load_domain("housing").derived


@pytest.mark.parametrize(
    ("derived", "message"),
    [
        (Derived("size", {"width": 1}), "also a feature"),
        (Derived("ratio", {"size": 1, "depth": -1}), "depth is not a numeric feature"),
        (Derived("ratio", {"size": 1, "width": -1}), "width may be 0, which cannot be raised to the power -1"),
    ],
)
def test_an_invalid_derived_column_is_rejected(derived: Derived, message: str) -> None:
    body = {
        "__annotations__": {"size": Number, "width": Number},
        "__module__": __name__,
        "name": "boxes",
        "target": Target("weight"),
        "derived": (derived,),
        "size": feature(ge=0, le=9, unit="m", description="size"),
        "width": feature(ge=0, le=9, unit="m", description="width"),
    }
    with pytest.raises(DomainError, match=message):
        domain_of(type("Boxes", (Features,), body))
