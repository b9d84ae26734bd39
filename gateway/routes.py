"""The routes of one domain beside scoring."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from prometheus_client import CollectorRegistry, generate_latest

from gateway.answers import PredictionAnswer
from gateway.bodies import JsonAnswer
from gateway.documents import (
    HealthDocument,
    MetricsDocument,
    ModelDocument,
    OutcomeRequest,
    OutcomesDocument,
    ReloadDocument,
    ReloadRequest,
    problem_responses,
)
from gateway.gate import check_operator
from gateway.keys import ApiKey
from gateway.lookup import PredictionLookup
from gateway.outcomes import publish_outcomes
from gateway.overview import Overview
from gateway.problems import problem
from gateway.served_domain import ServedDomain
from operations.command_sender import CommandSender
from operations.reports import newest_report
from schemas.commands import Reload, ReloadData
from schemas.drift import DriftEvent, DriftReport
from schemas.errors import NothingReportedError

_TEXT_TYPES = ("text/plain", "application/openmetrics-text")


def caller_of(request: Request) -> ApiKey:
    """The caller, whom the gate has admitted."""
    caller: ApiKey = request.scope["state"]["caller"]
    return caller


def routes_of(served: ServedDomain, registry: CollectorRegistry) -> APIRouter:
    """A router for one domain, without a prefix."""
    router = APIRouter()
    overview, lookup = Overview(served), PredictionLookup(served)
    name = served.domain.name

    @router.get("/health", summary="State of the domain")
    def health() -> HealthDocument:
        return overview.health()

    @router.get(
        "/metrics",
        response_model=MetricsDocument,
        summary="Figures, or Prometheus's text if the client accepts text",
        responses=problem_responses(401, 429, 503) | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def metrics(request: Request) -> Any:
        accepted = request.headers.get("accept", "")
        if "application/json" not in accepted and any(kind in accepted for kind in _TEXT_TYPES):
            return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")
        return overview.metrics()

    @router.get("/model/info", summary="The model and its features", responses=problem_responses(401, 429, 503))
    def model_info() -> ModelDocument:
        return overview.model()

    @router.get("/drift", summary="The newest drift report", responses=problem_responses(401, 404, 429, 503))
    def drift() -> DriftReport:
        try:
            return newest_report(served.operations_client, served.streams, DriftEvent, name).data
        except NothingReportedError as error:
            raise problem(404, "nothing_reported", str(error)) from error

    @router.post(
        "/admin/reload",
        summary="Activate a model (operators)",
        responses=problem_responses(401, 403, 404, 409, 413, 415, 422, 429, 503, 504),
    )
    def reload(request: Request, wanted: Annotated[ReloadRequest | None, Body()] = None) -> ReloadDocument:
        caller = caller_of(request)
        check_operator(caller)
        wanted = wanted or ReloadRequest()
        if wanted.version and wanted.alias:
            raise problem(422, "invalid_value", "name a version or an alias, not both")
        if wanted.force != bool(wanted.reason):
            raise problem(422, "invalid_value", "force and reason require each other")
        data = ReloadData(version=wanted.version, alias=wanted.alias, force=wanted.force, reason=wanted.reason)
        sender = CommandSender(served.operations_client, served.streams, name)
        command = Reload(actor=f"gateway/{caller.name}", data=data)
        done = sender.activate(command, wanted.timeout_s, wait=wanted.wait)
        return ReloadDocument(
            command_id=done.command_id,
            model_version=done.version,
            activation=done.entry,
            champion=done.champion,
            confirmed=None if done.confirmed is None else dict(done.confirmed),
        )

    @router.get(
        "/predictions/{listing_id}",
        summary="The prediction that a listing got",
        response_class=JsonAnswer,
        responses=problem_responses(400, 401, 403, 404, 413, 422, 429, 503),
    )
    async def prediction(
        request: Request,
        listing_id: str,
        source: Annotated[str | None, Query(description="of the listing; only an operator may name another's")] = None,
    ) -> Response:
        caller = caller_of(request)
        own = f"gateway/{caller.name}"
        if source not in {None, own}:
            check_operator(caller)
        found: PredictionAnswer = await lookup.find(own if source is None else source, listing_id)
        return JsonAnswer(found)

    @router.post(
        "/outcomes",
        status_code=202,
        summary="Report the true values of listings",
        responses=problem_responses(400, 401, 403, 413, 415, 422, 429, 503),
    )
    async def outcomes(
        request: Request,
        reported: Annotated[OutcomeRequest | list[OutcomeRequest], Body()],
    ) -> OutcomesDocument:
        many = reported if isinstance(reported, list) else [reported]
        if not 0 < len(many) <= served.settings.gateway.max_batch:
            raise problem(422, "invalid_value", f"report 1 to {served.settings.gateway.max_batch:,} outcomes")
        return await asyncio.shield(publish_outcomes(served, many, caller_of(request)))

    return router
