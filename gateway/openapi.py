"""Completes the OpenAPI document of FastAPI by what it cannot see: the scoring routes, tensors, keys and problems."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.answers import AcceptedAnswer, AcceptedBatch, BatchAnswer, PredictionAnswer
from gateway.inference.requests import InferenceRequest
from gateway.inference.routes import InferenceAnswer
from gateway.problems import ProblemAnswer
from gateway.served_domain import ServedDomain
from gateway.shapes import KEY_PATTERN
from schemas.events import MAX_ID, TRACEPARENT_PATTERN

REF = "#/components/schemas/"
_ANSWERS = (AcceptedAnswer, AcceptedBatch, BatchAnswer, PredictionAnswer, ProblemAnswer)
_PROTOCOL = (InferenceAnswer, InferenceRequest)
_PROBLEMS = {
    400: "not JSON, no object, or no event",
    401: "no key, or an unknown one",
    403: "a page of another site, where no key is needed",
    408: "the body did not arrive in time",
    410: "an id that was predicted before, whose prediction is no longer kept",
    413: "the body, the listing or the batch is too large",
    415: "the body is not JSON",
    422: "the listing was refused: reason, and for each field its value and what is wrong",
    429: "too many requests of this key; Retry-After says when to try again",
    503: "nothing scores now, the backlog is full, or Redis is away",
    504: "no answer in time; the listing is published, and its outcome will still come",
}
_SCHEMES = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}
_DESCRIPTION = (
    "Predictions from the stream: a request is published as a listing, scored by a consumer, and answered with its "
    "outcome. An `id`, or `Idempotency-Key`, that is sent again gets the first prediction again."
)


def complete(document: dict[str, Any], domains: Iterable[ServedDomain]) -> dict[str, Any]:
    """The document with everything that is answered; the first domain is served without its name in the path too."""
    document["info"]["description"] = _DESCRIPTION
    components = document.setdefault("components", {})
    _, structs = msgspec.json.schema_components((*_ANSWERS, *_PROTOCOL), ref_template=REF + "{name}")
    either = {"anyOf": [{"$ref": f"{REF}{each.__name__}"} for each in (PredictionAnswer, ProblemAnswer)]}
    structs["BatchAnswer"]["properties"]["predictions"]["items"] = either
    components.setdefault("schemas", {}).update(structs)
    components["securitySchemes"] = _SCHEMES
    # without keys, on loopback, none is needed
    document["security"] = [{}, *({name: []} for name in _SCHEMES)]
    for number, served in enumerate(domains):
        name = served.domain.name
        components["schemas"] |= _schemas_of(served)
        for prefix in ("", f"/{name}") if not number else (f"/{name}",):
            for path, is_batch in (("/predict", False), ("/predict/batch", True)):
                document["paths"][prefix + path] = {"post": _scoring(name, prefix, is_batch=is_batch)}
    return document


def _schemas_of(served: ServedDomain) -> dict[str, Any]:
    """The schemas of a domain's requests."""
    name = served.domain.name
    features = served.domain.contract.model_json_schema()
    features.pop("$defs", None)
    columns = features["properties"]
    text = {"type": "string", "minLength": 1, "maxLength": MAX_ID}
    attributes: dict[str, dict[str, Any]] = {
        "specversion": {"const": "1.0"},
        "id": text,
        "subject": text,
        "type": text,
        "time": {"type": "string", "format": "date-time"},
        "traceparent": {"type": "string", "pattern": TRACEPARENT_PATTERN},
    }
    among = {"id": [text, {"type": "integer"}, {"type": "null"}], "subject": [text, {"type": "null"}]}
    lifted = {key: {"anyOf": kinds} for key, kinds in among.items() if key not in columns}
    flat = features | {"title": f"{name} features", "properties": {**columns, **lifted}}
    event = {
        "title": f"{name} event",
        "description": "a CloudEvent; id and source have defaults, and the source is that of the key",
        "type": "object",
        "properties": {
            **{key: {"anyOf": [schema, {"type": "null"}]} for key, schema in attributes.items()},
            "data": features,
        },
        "required": ["data"],
        # other attributes of the envelope are accepted
        "additionalProperties": True,
    }
    listing = {"anyOf": [{"$ref": f"{REF}{name}.features"}, {"$ref": f"{REF}{name}.event"}]}
    many = {"type": "array", "items": listing, "minItems": 1}
    instances = {
        "type": "object",
        "description": "or any object that holds one list of objects",
        "properties": {"instances": many},
        "required": ["instances"],
        "additionalProperties": True,
    }
    return {
        f"{name}.features": flat,
        f"{name}.event": event,
        f"{name}.batch": {"anyOf": [many, instances]},
    }


def _scoring(name: str, prefix: str, *, is_batch: bool) -> dict[str, Any]:
    shapes = [f"{name}.features", f"{name}.event", f"{name}.batch"]
    accepted = AcceptedBatch if is_batch else AcceptedAnswer
    return {
        "tags": [name],
        "summary": "Score a batch of listings" if is_batch else "Score a listing",
        "operationId": f"predict{'_batch' if is_batch else ''}{prefix.replace('/', '_')}",
        "parameters": [
            _parameter("query", "wait", {"enum": ["1", "0"]}, "0 answers at once with 202, without the prediction"),
            _parameter(
                "header",
                "Idempotency-Key",
                {"type": "string", "pattern": KEY_PATTERN},
                "the listing's id if the body names none; of a batch its beginning",
            ),
            _parameter("header", "traceparent", {"type": "string"}, "W3C Trace Context; goes to the prediction"),
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": [{"$ref": REF + shape} for shape in shapes]}}},
        },
        "responses": {
            "200": _response("predicted", BatchAnswer)
            if is_batch
            else _response("predicted", PredictionAnswer, BatchAnswer),
            "202": _response("published, not awaited", accepted, AcceptedBatch),
            **{str(status): _response(text, ProblemAnswer, BatchAnswer) for status, text in _PROBLEMS.items()},
        },
    }


def _parameter(place: str, name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"in": place, "name": name, "required": False, "schema": schema, "description": description}


def _response(description: str, *types: type) -> dict[str, Any]:
    names = dict.fromkeys(f"{REF}{each.__name__}" for each in types)
    schema = {"anyOf": [{"$ref": name} for name in names]}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
