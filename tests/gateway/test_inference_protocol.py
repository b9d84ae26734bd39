"""The Open Inference Protocol, spoken by a client of inference servers and by hand."""

from __future__ import annotations

import json
import struct
from typing import Any

import msgspec
import numpy as np
import pytest
import tritonclient.http as triton

from gateway.answers import PredictionAnswer
from gateway.inference.outputs import outputs_of
from schemas.domain import load_domain
from tests.consumer.harness import PRICE_OF_ROW, ROW
from tests.gateway.system import HttpClient
from tests.gateway.test_predicting import PERSON

Triton = Any


@pytest.fixture
def client(gateway: HttpClient) -> Triton:
    return triton.InferenceServerClient(f"127.0.0.1:{gateway.port}")


def tensor(name: str, values: list[Any], datatype: str, *, binary: bool) -> Triton:
    kinds = {"FP64": np.float64, "FP32": np.float32, "INT64": np.int64, "BYTES": np.object_}
    values = [value.encode() for value in values] if datatype == "BYTES" else values
    made = triton.InferInput(name, [len(values)], datatype)
    made.set_data_from_numpy(np.array(values, dtype=kinds[datatype]), binary_data=binary)
    return made


def housing(*rooms: float, binary: bool) -> list[Triton]:
    rows = [{**ROW, "RM": rm} for rm in rooms]
    kinds = {"CHAS": "INT64", "RAD": "FP32"}
    return [tensor(name, [row[name] for row in rows], kinds.get(name, "FP64"), binary=binary) for name in ROW]


def test_server_and_models_are_described(client: Triton) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("housing")
    assert client.is_model_ready("obesity", "1")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    metadata = client.get_model_metadata("housing", "1")
    assert metadata["versions"] == ["1"]
    assert {"name": "interval", "datatype": "FP64", "shape": [-1, 2]} in metadata["outputs"]
    assert {"name": "candidates", "datatype": "BOOL", "shape": [-1, 7]} in client.get_model_metadata("obesity")[
        "outputs"
    ]
    assert [(one["name"], one["datatype"]) for one in metadata["inputs"]][:4] == [
        ("CRIM", "FP64"),
        ("ZN", "FP64"),
        ("INDUS", "FP64"),
        ("CHAS", "INT64"),
    ]
    with pytest.raises(triton.InferenceServerException, match="no model"):
        client.get_model_metadata("flats")
    with pytest.raises(triton.InferenceServerException, match="does not score now"):
        client.infer("housing", housing(6, binary=True), model_version="7")


@pytest.mark.parametrize("binary", [False, True], ids=["JSON", "binary"])
def test_typed_inputs_are_predicted(client: Triton, *, binary: bool) -> None:
    outputs = [triton.InferRequestedOutput("prediction", binary_data=binary)]
    result = client.infer("housing", housing(6, 7, 8, binary=binary), outputs=outputs, request_id="r-1")
    assert result.as_numpy("prediction").tolist() == [12, 14, 16]
    assert result.get_response()["id"] == "r-1"
    assert result.as_numpy("listing_id") is None


@pytest.mark.parametrize("binary", [False, True], ids=["JSON", "binary"])
def test_one_input_of_json_and_mixed_columns_are_predicted(client: Triton, *, binary: bool) -> None:
    as_json = [tensor("listings", [json.dumps(PERSON), json.dumps({"data": PERSON})], "BYTES", binary=binary)]
    kinds = {name: "BYTES" if isinstance(value, str) else "FP64" for name, value in PERSON.items()}
    as_columns = [tensor(name, [value, value], kinds[name], binary=binary) for name, value in PERSON.items()]
    for inputs in (as_json, as_columns):
        result = client.infer("obesity", inputs)
        assert result.as_numpy("prediction").tolist() == [b"Insufficient_Weight"] * 2
        assert result.as_numpy("probabilities").shape == (2, 7)
        assert result.as_numpy("probabilities").sum(axis=1) == pytest.approx([1, 1])
        assert len(set(result.as_numpy("listing_id").tolist())) == 2


@pytest.mark.parametrize("binary", [False, True], ids=["JSON", "binary"])
def test_intervals_and_prediction_sets_are_outputs(client: Triton, *, binary: bool) -> None:
    def asked(domain: str, inputs: list[Triton], *names: str) -> Triton:
        outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in names]
        return client.infer(domain, inputs, outputs=outputs)

    houses = asked("housing", housing(6, 7, binary=binary), "interval", "coverage", "prediction")
    assert houses.as_numpy("prediction").tolist() == [12, 14]
    assert houses.as_numpy("interval").tolist() == [[10, 15], [12, 17]]
    assert houses.as_numpy("coverage").tolist() == [0.9, 0.9]

    people = asked("obesity", [tensor("x", [json.dumps(PERSON)], "BYTES", binary=binary)], "candidates", "coverage")
    # the predicted class, and the one whose calibration asks for less than its probability
    assert people.as_numpy("candidates").dtype == np.bool_
    assert people.as_numpy("candidates").tolist() == [[True, True, *[False] * 5]]
    assert people.as_numpy("coverage").tolist() == [0.9]
    with pytest.raises(triton.InferenceServerException, match="no output 'interval'"):
        asked("obesity", [tensor("x", [json.dumps(PERSON)], "BYTES", binary=binary)], "interval")


def test_a_model_without_calibration_has_no_interval() -> None:
    number, classes = load_domain("housing"), load_domain("obesity")
    assert [one.name for one in outputs_of(number)] == ["prediction", "listing_id", "interval", "coverage"]
    plain = msgspec.convert(
        dict.fromkeys(("model_version", "model_name", "listing_id", "listing_source", "entry", "time"), "")
        | {"prediction": 1, "inference_time": 0, "features_used": [], "imputed": [], "unusual": [], "model": {}},
        PredictionAnswer,
    )
    ranged = msgspec.structs.replace(plain, interval=[0.5, 1.5], coverage=0.9)
    has = {one.name for one in outputs_of(number) if one.column([ranged, ranged]) is not None}
    assert has == {"prediction", "listing_id", "interval", "coverage"}
    # after a swap, the rows of one request may come from both models
    assert {one.name for one in outputs_of(number) if one.column([plain, ranged])} == {"prediction", "listing_id"}
    assert "candidates" in {one.name for one in outputs_of(classes)}


@pytest.mark.parametrize("binary", [False, True], ids=["JSON", "binary"])
def test_nan_is_a_missing_value(client: Triton, *, binary: bool) -> None:
    inputs = housing(6.5, binary=binary)
    inputs[0] = tensor("CRIM", [float("nan")], "FP64", binary=binary)
    assert client.infer("housing", inputs).as_numpy("prediction").tolist() == [PRICE_OF_ROW]


def test_a_row_that_is_refused_is_named(client: Triton) -> None:
    with pytest.raises(triton.InferenceServerException, match="row 1: RM: "):
        client.infer("housing", housing(6, 99, binary=True))


def _typed(**changes: Any) -> dict[str, Any]:
    return {"name": "RM", "datatype": "FP64", "shape": [1], "data": [6]} | changes


BROKEN: dict[str, Any] = {
    "no object": [],
    "no inputs": {"inputs": []},
    "no shape": {"inputs": [{"name": "RM", "datatype": "FP64", "data": [6]}]},
    "unknown datatype": {"inputs": [_typed(datatype="BF16")]},
    "a matrix": {"inputs": [_typed(shape=[1, 2], data=[1, 2])]},
    "fewer values": {"inputs": [_typed(shape=[2])]},
    "no data": {"inputs": [_typed(data=None)]},
    "texts": {"inputs": [_typed(data=["6"])]},
    "different lengths": {"inputs": [_typed(), _typed(name="AGE", shape=[2], data=[1, 2])]},
    "absent binary data": {"inputs": [_typed(data=None, parameters={"binary_data_size": 8})]},
    "negative size": {"inputs": [_typed(data=None, parameters={"binary_data_size": -8})]},
    "no JSON in BYTES": {"inputs": [_typed(name="x", datatype="BYTES", data=["{"])]},
    "unknown output": {
        "inputs": [_typed(name="x", datatype="BYTES", data=[json.dumps(ROW)])],
        "outputs": [{"name": "price"}],
    },
}


@pytest.mark.parametrize("what", BROKEN)
def test_requests_that_break_the_protocol_are_refused(gateway: HttpClient, what: str) -> None:
    reply = gateway.post("/v2/models/housing/infer", BROKEN[what])
    assert reply.status == 400
    assert reply.json["error"] == reply.json["detail"]


@pytest.mark.parametrize("length", ["x", "999999", "-1"])
def test_a_wrong_length_of_the_json_is_refused(gateway: HttpClient, length: str) -> None:
    headers = {"Inference-Header-Content-Length": length}
    assert gateway.call("POST", "/v2/models/housing/infer", b"{}", headers).status == 400


@pytest.mark.parametrize("binary", [b"\1", struct.pack("<I", 99) + b"abc", struct.pack("<I", 1) + b"\xff"])
def test_broken_binary_texts_are_refused(gateway: HttpClient, binary: bytes) -> None:
    parameters = {"binary_data_size": len(binary)}
    inputs = [{"name": "x", "datatype": "BYTES", "shape": [1], "parameters": parameters}]
    head = json.dumps({"inputs": inputs}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"}
    reply = gateway.call("POST", "/v2/models/housing/infer", head + binary, headers)
    assert (reply.status, reply.json["reason"]) == (400, "invalid_tensor")
