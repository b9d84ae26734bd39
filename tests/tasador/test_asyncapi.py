"""The committed AsyncAPI document is up to date, and a change that breaks a client is reported."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.domain import load_domain
from schemas.streams import Streams
from tasador.cli.commands.asyncapi import asyncapi
from tests.asyncapi_changes import breaking_changes
from tests.tasador.command import runner_of

PAGE = Path(__file__).parents[2] / "docs/asyncapi.json"
COMMITTED: dict[str, Any] = json.loads(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def current() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(runner_of(asyncapi).text())
    return document


def test_the_current_document_breaks_no_client(current: dict[str, Any]) -> None:
    assert not breaking_changes(COMMITTED, current), "a client would break: find a compatible change"


def test_the_committed_document_is_up_to_date(current: dict[str, Any]) -> None:
    assert current == COMMITTED, "run: make pages"


def test_every_stream_is_a_channel(current: dict[str, Any]) -> None:
    streams = Streams("housing")
    public = (
        *streams.answers,
        streams.listings,
        streams.window,
        streams.shadows,
        streams.commands,
        streams.model_events,
        streams.history,
        streams.explain,
        streams.explanations,
    )
    addresses = {channel["address"] for channel in current["channels"].values()}
    assert addresses == {*public, streams.replies("<name>"), streams.outcomes, streams.drift}


def test_every_feature_has_its_range_and_unit(current: dict[str, Any]) -> None:
    housing = load_domain("housing")
    fields = current["components"]["schemas"]["Housing"]["properties"]
    assert list(fields) == sorted(housing.columns)
    for feature in housing.features:
        shape = fields[feature.column]
        shape = next((one for one in shape.get("anyOf", ()) if "minimum" in one), shape)
        assert (shape["minimum"], shape["maximum"]) == (feature.ge, feature.le)
        assert fields[feature.column]["unit"] == feature.unit
        assert fields[feature.column]["description"] == feature.description


def _schemas(d: dict[str, Any]) -> dict[str, Any]:
    schemas: dict[str, Any] = d["components"]["schemas"]
    return schemas


def _remove_channel(d: dict[str, Any]) -> None:
    del d["channels"]["repeats"]


def _move(d: dict[str, Any]) -> None:
    d["channels"]["listings"]["address"] = "housing:new-listings"


def _remove_feature(d: dict[str, Any]) -> None:
    del _schemas(d)["Housing"]["properties"]["RM"]


def _narrow(d: dict[str, Any]) -> None:
    _schemas(d)["Housing"]["properties"]["RM"]["maximum"] = 12


def _require(d: dict[str, Any]) -> None:
    _schemas(d)["Housing"]["required"].append("CRIM")


def _add_required(d: dict[str, Any]) -> None:
    _schemas(d)["Housing"]["properties"]["POOL"] = {"type": "integer"}
    _schemas(d)["Housing"]["required"].append("POOL")


def _retype(d: dict[str, Any]) -> None:
    _schemas(d)["Housing"]["properties"]["RM"]["type"] = "string"


def _shorten(d: dict[str, Any]) -> None:
    _schemas(d)["OutcomeData"]["properties"]["listing_id"]["maxLength"] = 10


def _remove_answer_field(d: dict[str, Any]) -> None:
    del _schemas(d)["PredictionData"]["properties"]["unusual"]


def _loosen_answer_field(d: dict[str, Any]) -> None:
    _schemas(d)["PredictionData"]["required"].remove("prediction")


def _retype_answer_field(d: dict[str, Any]) -> None:
    _schemas(d)["DeadLetterData"]["properties"]["payload_bytes"]["type"] = "string"


def _remove_command(d: dict[str, Any]) -> None:
    payload = next(s for s in _schemas(d).values() if "discriminator" in s)
    payload[next(key for key in ("oneOf", "anyOf") if key in payload)].pop(3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_remove_channel, "repeats: the channel is gone"),
        (_move, "listings: has another address"),
        (_remove_feature, "listings $.data.RM: is gone"),
        (_narrow, "listings $.data.RM: maximum 12 is narrower"),
        (_require, "listings $.data.CRIM: has become required"),
        (_add_required, "listings $.data.POOL: is required and was not there"),
        (_retype, "listings $.data.RM: may no longer be number"),
        (_shorten, "outcomes $.data.listing_id: maxLength 10 is narrower"),
        (_remove_answer_field, "predictions $.data.unusual: is gone"),
        (_loosen_answer_field, "predictions $.data.prediction: may be left out now"),
        (_retype_answer_field, "dead letters $.data.payload_bytes: may be string now"),
        (_remove_command, "commands $<model.rollback>: is gone"),
    ],
)
def test_a_breaking_change_is_reported(change: Callable[[dict[str, Any]], None], message: str) -> None:
    changed = copy.deepcopy(COMMITTED)
    change(changed)
    assert message in breaking_changes(COMMITTED, changed)


def _add_optional(d: dict[str, Any]) -> None:
    _schemas(d)["Housing"]["properties"]["POOL"] = {"anyOf": [{"type": "integer"}, {"type": "null"}]}


def _widen(d: dict[str, Any]) -> None:
    _schemas(d)["Housing"]["properties"]["RM"]["maximum"] = 20


def _add_answer_field_and_reason(d: dict[str, Any]) -> None:
    _schemas(d)["PredictionData"]["properties"]["elevation"] = {"type": "number"}
    _schemas(d)["Reason"]["enum"].append("too_late")


@pytest.mark.parametrize("change", [_add_optional, _widen, _add_answer_field_and_reason])
def test_a_compatible_change_is_not_reported(change: Callable[[dict[str, Any]], None]) -> None:
    changed = copy.deepcopy(COMMITTED)
    change(changed)
    assert changed != COMMITTED
    assert not breaking_changes(COMMITTED, changed)
