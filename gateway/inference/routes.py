"""The routes of the Open Inference Protocol, for all domains of a gateway."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from gateway.answers import PredictionAnswer, encode
from gateway.bodies import JsonAnswer, headers_of
from gateway.documents import problem_responses
from gateway.inference.outputs import ANY, outputs_of
from gateway.inference.requests import InferenceRequest, read_request, read_rows
from gateway.inference.tensors import OutputTensor
from gateway.problems import HttpProblemError, ProblemAnswer, problem
from gateway.routes import caller_of
from gateway.scoring import Scoring
from gateway.scoring_route import context_of
from gateway.served_domain import ServedDomain

_DATATYPES = {"number": "FP64", "integer": "INT64", "category": "BYTES"}
_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_PREDICTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "predicted",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/InferenceAnswer"}}} | _BINARY,
    }
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/InferenceRequest"}}} | _BINARY,
    }
}


class InferenceAnswer(msgspec.Struct, omit_defaults=True):
    """The JSON of an answer."""

    model_name: str
    model_version: str
    outputs: list[OutputTensor]
    id: str | None = None


class InferenceRoutes:
    """The routes of the protocol; a domain is a model of its name, and its version is that which scores now.

    Args:
        domains: the served domains by name.
    """

    def __init__(self, domains: Mapping[str, ServedDomain]) -> None:
        self._domains = domains
        self._scorings = {name: Scoring(served) for name, served in domains.items()}

    def router(self) -> APIRouter:
        """Their router."""
        router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])
        router.add_api_route("", self.server, summary="The server")
        router.add_api_route("/health/live", self.live, summary="Whether the gateway runs")
        not_ready: dict[int | str, dict[str, Any]] = {503: {"description": "a model does not score"}}
        router.add_api_route("/health/ready", self.ready, summary="Whether every model scores", responses=not_ready)
        shared = problem_responses(401, 403, 404, 422, 429)
        for path in ("/models/{name}", "/models/{name}/versions/{version}"):
            router.add_api_route(path, self.model, summary="The model's inputs and outputs", responses=shared)
            router.add_api_route(
                f"{path}/ready", self.model_ready, summary="Whether the model scores", responses=shared | not_ready
            )
            router.add_api_route(
                f"{path}/infer",
                self.infer,
                methods=["POST"],
                summary="Score listings",
                responses=shared | problem_responses(400, 408, 410, 413, 503, 504) | _PREDICTED,
                openapi_extra=_BODY,
            )
        return router

    async def server(self) -> Response:
        """Its name, and that tensors may be binary."""
        return JsonAnswer({"name": "tasador", "version": "2", "extensions": ["binary_tensor_data"]})

    async def live(self) -> Response:
        """Always true where it is answered."""
        return JsonAnswer({"live": True})

    async def ready(self) -> Response:
        """Whether consumers of every domain score."""
        is_ready = not any(served.availability.obstacle for served in self._domains.values())
        return JsonAnswer({"ready": is_ready}, 200 if is_ready else 503)

    async def model(self, name: str, version: str | None = None) -> Response:
        """One input a feature; or one input BYTES of any other name, with the JSON of a listing in each element."""
        return JsonAnswer(_metadata(self._find(name, version)))

    async def model_ready(self, name: str, version: str | None = None) -> Response:
        """Whether consumers of the domain score."""
        is_ready = not self._find(name, version).availability.obstacle
        return JsonAnswer({"name": name, "ready": is_ready}, 200 if is_ready else 503)

    async def infer(self, request: Request, name: str, version: str | None = None) -> Response:
        """Score the rows of a request; if one of them is refused, the whole request is."""
        started_s = time.perf_counter()
        served = self._find(name, version)
        headers = headers_of(request.scope)
        wanted, binary = read_request(await request.body(), headers)
        rows = read_rows(wanted, binary, served.domain.columns, served.settings.gateway.max_batch)
        context = context_of(caller_of(request), headers)
        submissions = [served.shapes.submit(row, context, number) for number, row in enumerate(rows)]
        answers = await self._scorings[name].predictions(submissions, started_s)
        predictions = [_predicted(number, answer) for number, answer in enumerate(answers)]
        served.metrics.record_answer(started_s, predicted=len(predictions))
        return _answer(served, wanted, predictions)

    def _find(self, name: str, version: str | None) -> ServedDomain:
        if (served := self._domains.get(name)) is None:
            raise problem(404, "not_found", f"no model {name[:100]!r}; there are {', '.join(self._domains)}")
        if version not in {None, served.availability.version}:
            raise problem(404, "not_found", f"version {str(version)[:100]!r} of {name} does not score now")
        return served


def _metadata(served: ServedDomain) -> dict[str, Any]:
    domain, version = served.domain, served.availability.version
    inputs = [{"name": f.column, "datatype": _DATATYPES[f.kind], "shape": [ANY]} for f in domain.features]
    outputs = [{"name": one.name, "datatype": one.datatype, "shape": one.shape(ANY)} for one in outputs_of(domain)]
    return {
        "name": domain.name,
        "versions": [version] if version else [],
        "platform": "tasador",
        "inputs": inputs,
        "outputs": outputs,
    }


def _predicted(number: int, answer: PredictionAnswer | ProblemAnswer) -> PredictionAnswer:
    """The protocol has no answer to a part of a request: what one row is refused for, all are."""
    if isinstance(answer, PredictionAnswer):
        return answer
    answer.detail = f"row {number}: {answer.detail}"
    raise HttpProblemError(answer)


def _answer(served: ServedDomain, wanted: InferenceRequest, predictions: Sequence[PredictionAnswer]) -> Response:
    columns = {one: values for one in outputs_of(served.domain) if (values := one.column(predictions)) is not None}
    names = [one.name for one in columns]
    if unknown := [output.name for output in wanted.outputs or () if output.name not in names]:
        detail = f"the model has no output {unknown[0][:100]!r}; there are {', '.join(names)}"
        raise problem(400, "invalid_request", detail)
    outputs, binary = [], b""
    for one, values in columns.items():
        if wanted.wants(one.name):
            tensor, encoded = one.tensor(values, is_binary=wanted.is_binary(one.name))
            outputs.append(tensor)
            binary += encoded
    version = predictions[-1].model_version
    head = encode(InferenceAnswer(served.domain.name, version, outputs, wanted.id))
    if not binary:
        return Response(head, media_type="application/json")
    headers = {"Inference-Header-Content-Length": str(len(head))}
    return Response(head + binary, headers=headers, media_type="application/octet-stream")
