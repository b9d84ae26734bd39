"""Limits that no event of a domain could pass are an error that names the setting and the value to set."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import create_model

from schemas.decoding import ListingDecoder
from schemas.domain import Domain, domain_of, load_domain
from schemas.errors import ConfigurationError
from schemas.event_size import check_limits_admit
from schemas.features import Features, Number, Target, feature
from schemas.sections import LimitSettings
from schemas.settings import load_settings
from tests.listings import listing
from tests.schemas.awkward import OddlyNamedFlats

LIMITS = LimitSettings()
DOMAINS = (load_domain("housing"), load_domain("obesity"), domain_of(OddlyNamedFlats))


def _domain(*columns: str, ge: float = 0, le: float = 1) -> Domain:
    """A domain with these columns of numbers."""
    fields: dict[str, Any] = {
        f"c{i}": (Number, feature(column=column, ge=ge, le=le, unit="", description=column))
        for i, column in enumerate(columns)
    }
    contract: Any = create_model("Wide", __base__=Features, **fields)
    contract.name, contract.target = "wide", Target("y")
    return domain_of(contract)


def _needed(domain: Domain, name: str, limits: LimitSettings = LIMITS) -> int:
    """The value that the error names for a limit of 4, which no event can pass."""
    least = limits.model_copy(update={name: 4})
    with pytest.raises(ConfigurationError, match=rf"^limits\.{name} is 4; ") as caught:
        check_limits_admit(domain, least)
    (needed,) = re.findall(rf": set limits\.{name} to at least (\d+) in params\.yaml$", str(caught.value))
    return int(needed)


def test_more_columns_than_values_name_the_number_to_set() -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_limits_admit(_domain(*(f"q{n}" for n in range(300))), LIMITS)
    assert str(caught.value) == (
        "limits.max_values is 256; an event of wide has 312: set limits.max_values to at least 312 in params.yaml"
    )


@pytest.mark.parametrize("question", ["How satisfied are you? " * 12, "¿Qué opinión le merece? " * 11])
def test_a_long_column_names_the_bytes_to_set(question: str) -> None:
    size = len(question.encode())
    assert size > 256
    with pytest.raises(ConfigurationError) as caught:
        check_limits_admit(_domain("age", question), LIMITS)
    assert str(caught.value) == (
        f"limits.max_key_bytes is 256; the column {question[:40] + '…'!r} of wide has {size} bytes: "
        f"set limits.max_key_bytes to at least {size} in params.yaml"
    )
    check_limits_admit(_domain("age", question), LIMITS.model_copy(update={"max_key_bytes": size}))


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: str(domain.name))
@pytest.mark.parametrize("name", ["max_values", "max_key_bytes", "max_payload_bytes"])
def test_the_value_to_set_is_the_smallest_that_admits_an_event(domain: Domain, name: str) -> None:
    needed = _needed(domain, name)
    check_limits_admit(domain, LIMITS.model_copy(update={name: needed}))
    with pytest.raises(ConfigurationError):
        check_limits_admit(domain, LIMITS.model_copy(update={name: needed - 1}))


@pytest.mark.parametrize(
    ("low", "high", "shortest"), [(0, 9, 0), (-5, 5, 0), (7.5, 9, 8), (0.25, 0.75, 0.25), (-20, -12.5, -13)]
)
def test_an_event_of_the_size_to_set_is_accepted(low: float, high: float, shortest: float) -> None:
    domain = _domain("a", "b", ge=low, le=high)
    payload = listing({"a": shortest, "b": shortest}, "1").replace(b" ", b"")
    assert _needed(domain, "max_payload_bytes") == len(payload)
    limits = LIMITS.model_copy(update={"max_payload_bytes": len(payload)})
    assert ListingDecoder(domain, limits).decode(payload).id == "1"


@pytest.mark.parametrize(("limit", "value"), [("max_values", 22), ("max_key_bytes", 6), ("max_payload_bytes", 60)])
def test_limits_too_small_for_an_event_are_a_configuration_error(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setenv(f"TASADOR_LIMITS__{limit.upper()}", str(value))
    with pytest.raises(ConfigurationError, match=rf"limits\.{limit} is {value}; "):
        load_settings(domain="housing").load_domain()
