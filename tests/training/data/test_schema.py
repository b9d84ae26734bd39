from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError, model_validator

from schemas.domain import Domain, domain_of, load_domain
from schemas.features import Features, Integer, Number, Target, feature
from tests.models import made_up_rows
from training.data.columns import column_readers
from training.data.schema import find_problems, schema_of


class Flats(Features):
    name: ClassVar[str] = "flats"
    target: ClassVar[Target] = Target("rent", unit="euros")

    rooms: Integer | None = feature(ge=1, le=9, unit="rooms", description="rooms")
    area: Number = feature(ge=10, le=500, unit="m²", description="floor area")
    heating: Literal["gas", "oil"] | None = feature(unit="", description="heating")

    @model_validator(mode="after")
    def rooms_fit(self) -> Self:
        if self.rooms and self.rooms * 5 > self.area:
            raise ValueError("the rooms are smaller than 5 m²")
        return self


FLATS = domain_of(Flats)
STRANGE = (None, math.nan, -1.0, 0.5, 1.0, 2.0, 3.5, 11.0, 1e9, math.inf, "yes", "many", "", True)


def accepts(domain: Domain, row: dict[str, Any]) -> bool:
    """Whether the contract accepts a row, in which NaN is a gap."""
    cells = {column: None if isinstance(value, float) and math.isnan(value) else value for column, value in row.items()}
    try:
        domain.contract.model_validate(cells)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    "domain",
    [load_domain("housing"), load_domain("obesity"), load_domain("obesity", may_miss=["CAEC", "Age"]), FLATS],
    ids=["housing", "obesity", "obesity with gaps", "with own validators"],
)
def test_pandera_and_the_contract_refuse_the_same_rows(domain: Domain) -> None:
    rng = np.random.default_rng(1)
    good = made_up_rows(domain, 40).astype(object)
    broken = [
        good.iloc[rng.integers(len(good))].to_dict() | {str(column): value}
        for column in domain.columns
        for value in (*STRANGE, *domain.feature(column).categories)
    ]
    frame = pd.DataFrame([*good.to_dict("records"), *broken], dtype=object)
    readers = column_readers(domain, None)
    values = pd.DataFrame({c: readers[c].read(frame[c], "t") for c in domain.columns}).assign(
        **{domain.target.name: frame[domain.target.name]}
    )
    refused = {problem.row - 1 for problem in find_problems(domain, values)}
    rows = values[list(domain.columns)].to_dict("records")
    accepted = [row for row, cells in enumerate(rows) if accepts(domain, {str(k): v for k, v in cells.items()})]
    assert refused == set(range(len(rows))) - set(accepted)
    assert len(refused) > len(domain.columns)
    assert len(accepted) > len(domain.columns)


def test_a_contracts_own_validators_refuse_rows() -> None:
    frame = pd.DataFrame({"rooms": [3.0, 9.0], "area": [40.0, 40.0], "heating": ["gas", None], "rent": [500.0, 700.0]})
    problems = find_problems(FLATS, frame)
    assert [(p.row, p.message) for p in problems] == [(2, "Value error, the rooms are smaller than 5 m²")]


def test_the_schema_is_derived_from_the_contract() -> None:
    schema = schema_of(load_domain("housing"))
    assert list(schema.columns) == [*load_domain("housing").columns, "MEDV"]
    assert schema.columns["CRIM"].nullable
    assert not schema.columns["RM"].nullable
    messages = [check.error for check in schema.columns["CHAS"].checks]
    assert "Input should be a valid integer" in messages
    assert "Input should be less than or equal to 1" in messages
