"""Domains: the built-in ones, those of users, and errors in a declaration."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, ClassVar, Literal

import pytest
from pydantic import create_model

from schemas.domain import domain_of, load_domain
from schemas.domains.housing import Housing
from schemas.errors import DomainError
from schemas.features import Features, Integer, Number, Target, feature
from schemas.segments import Segment
from tests.schemas.awkward import OddlyNamedFlats

HERE = "tests.schemas.awkward"


def test_housing_is_the_boston_table() -> None:
    housing = load_domain("housing")
    assert " ".join(housing.columns) == "CRIM ZN INDUS CHAS NOX RM AGE DIS RAD TAX PTRATIO B LSTAT"
    assert [f.column for f in housing.features if f.may_miss] == ["CRIM", "ZN", "INDUS", "CHAS", "AGE", "LSTAT"]
    assert [f.column for f in housing.features if f.kind == "integer"] == ["CHAS", "RAD"]
    assert (housing.task, housing.target.name, housing.target.unit) == ("regression", "MEDV", "thousands of dollars")
    assert {f.fill for f in housing.features if f.kind == "number"} == {"median"}
    assert housing.feature("RAD").fill == "most_frequent"


def test_obesity_has_seven_classes_each_with_its_label() -> None:
    obesity = load_domain("obesity")
    assert (obesity.task, len(obesity.features), len(obesity.target.classes)) == ("classification", 16, 7)
    assert obesity.target.labels["risk_level"].keys() == set(obesity.target.classes)
    assert obesity.feature("CAEC").categories == ("no", "Sometimes", "Frequently", "Always")


def test_a_users_domain_is_loaded_by_its_dotted_path() -> None:
    flats = load_domain("flats", f"{HERE}:OddlyNamedFlats")
    assert flats.columns == ("area in m²", "1st-floor", "class", "data", "or 'none'/\x7f")
    assert flats.feature("class").categories == ("new", 'old "as is"', "été")
    assert [f.column for f in flats.features if f.may_miss] == ["1st-floor", "data", "or 'none'/\x7f"]


def test_the_contract_has_a_json_schema() -> None:
    schema = load_domain("housing").contract.model_json_schema()
    assert schema["required"] == ["NOX", "RM", "DIS", "RAD", "TAX", "PTRATIO", "B"]
    assert schema["properties"]["NOX"] == {
        "title": "Nox",
        "type": "number",
        "minimum": 0,
        "maximum": 2,
        "unit": "parts per 10 million",
        "fill": None,
        "description": "nitric oxides concentration",
    }


@pytest.mark.parametrize("may_miss", [(), ("RM",), ("CHAS", "RAD", "NOX"), load_domain("housing").columns])
def test_optional_features_can_be_overridden(may_miss: Collection[str]) -> None:
    housing = load_domain("housing", may_miss=may_miss)
    assert {f.column for f in housing.features if f.may_miss} == set(may_miss)
    assert housing.columns == load_domain("housing").columns
    assert [(f.kind, f.ge, f.le) for f in housing.features] == [
        (f.kind, f.ge, f.le) for f in load_domain("housing").features
    ]
    assert [name for name, info in housing.contract.model_fields.items() if not info.is_required()] == [
        f.column for f in housing.features if f.may_miss
    ]


def test_an_override_does_not_change_the_declared_class() -> None:
    load_domain("housing", may_miss=("RM",))
    assert Housing.model_fields["RM"].is_required()
    assert not Housing.model_fields["CRIM"].is_required()


def test_an_override_names_features_by_their_columns() -> None:
    flats = domain_of(OddlyNamedFlats, may_miss=("area in m²", "class"))
    assert [f.column for f in flats.features if f.may_miss] == ["area in m²", "class"]


def test_an_unknown_feature_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="MEDV"):
        load_domain("housing").feature("MEDV")


def _contract(**fields: Any) -> type[Features]:
    made: type[Features] = create_model("Mine", __base__=Features, **fields)
    made.name, made.target = "mine", Target("price")
    return made


class Nameless(Features):
    target: ClassVar[Target] = Target("price")


class Targetless(Features):
    name: ClassVar[str] = "mine"


class Itself(Features):
    name: ClassVar[str] = "mine"
    target: ClassVar[Target] = Target("area")

    area: Number = feature(ge=0, le=1, unit="", description="")


RANGE = feature(ge=0, le=1, unit="", description="")
NO_FEATURE = "domain mine, feature area: a feature is a Number, an Integer or a Literal of strings, not "
BROKEN: dict[str, tuple[type[Features], str]] = {
    "no name": (Nameless, "domain class Nameless: declare `name`"),
    "no target": (Targetless, "domain class Targetless: declare `target`"),
    "no features": (_contract(), "domain mine: declares no features"),
    "the target is a feature": (Itself, "domain mine: the target area is also a feature"),
    "no range": (
        _contract(area=(Number, feature(ge=0, unit="", description=""))),
        "domain mine, feature area: declare its range with ge and le",
    ),
    "a type that no feature has": (
        _contract(area=(str, RANGE)),
        NO_FEATURE + "<class 'str'>",
    ),
    "a boolean": (
        _contract(area=(bool, RANGE)),
        NO_FEATURE + "<class 'bool'>",
    ),
    "a literal of numbers": (
        _contract(area=(Literal[1, 2], RANGE)),
        NO_FEATURE + "typing.Literal[1, 2]",
    ),
    "a quote in a column's name": (
        _contract(area=(Integer, feature(column='6"', ge=0, le=1, unit="", description=""))),
        "domain mine: the column name '6\"' has a quote, a backslash or a control character",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_invalid_declaration_is_rejected_in_one_line(case: str) -> None:
    contract, message = BROKEN[case]
    with pytest.raises(DomainError, match=f"^{re.escape(message)}$"):
        domain_of(contract)


UNLOADABLE = {
    "unknown": (
        ("hosing", None, None),
        "no domain 'hosing'; known domains are housing, obesity; add your own to `domains` in params.yaml",
    ),
    "no such module": (
        ("mine", "no_such_module:Mine", None),
        "domain 'mine': cannot load 'no_such_module:Mine': No module named 'no_such_module'",
    ),
    "no such class": (
        ("mine", f"{HERE}:Mine", None),
        f"domain 'mine': cannot load '{HERE}:Mine': module '{HERE}' has no attribute 'Mine'",
    ),
    "no class at all": (
        ("mine", f"{HERE}:TOKENS", None),
        f"domain 'mine': '{HERE}:TOKENS' is not a class derived from schemas.features.Features",
    ),
    "another class": (
        ("mine", "schemas.events:Listing", None),
        "domain 'mine': 'schemas.events:Listing' is not a class derived from schemas.features.Features",
    ),
    "no colon": (("mine", HERE, None), f"domain 'mine': '{HERE}' is not of the form package.module:Class"),
    "no path": (("mine", ":Mine", None), "domain 'mine': ':Mine' is not of the form package.module:Class"),
    "a relative path": (("mine", ".a:B", None), "domain 'mine': '.a:B' is not of the form package.module:Class"),
    "another name": (
        ("mine", f"{HERE}:OddlyNamedFlats", None),
        f"domain 'mine': '{HERE}:OddlyNamedFlats' declares the name 'flats'",
    ),
    "an unknown feature may miss": (
        ("housing", None, ("RM", "ROOMS", "POOL")),
        "domain housing: may_miss names unknown features: POOL, ROOMS",
    ),
}


@pytest.mark.parametrize("case", UNLOADABLE)
def test_a_domain_that_cannot_be_loaded_is_rejected_in_one_line(case: str) -> None:
    arguments, message = UNLOADABLE[case]
    with pytest.raises(DomainError, match=f"^{re.escape(message)}$"):
        load_domain(*arguments)


def test_the_built_in_domains_declare_segments() -> None:
    housing = load_domain("housing").segments
    assert [(each.column, each.parts) for each in housing] == [("CHAS", 0), ("RAD", 0), ("LSTAT", 3)]
    assert [each.column for each in load_domain("obesity").segments if each.parts] == ["Age"]


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        (Segment("GARDEN"), "no such feature"),
        (Segment("LSTAT"), "a number needs `parts`"),
        (Segment("LSTAT", parts=1), "a number needs `parts`"),
        (Segment("RAD", parts=3), "`parts` is only for numbers"),
    ],
)
def test_an_invalid_segment_is_rejected(segment: Segment, message: str) -> None:
    class Odd(Housing):
        segments = (segment,)

    with pytest.raises(DomainError, match=message):
        domain_of(Odd)
