"""The routes of one domain beside scoring."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Body, Query, Request, Response
from prometheus_client import CollectorRegistry, generate_latest

from gateway.bodies import JsonAnswer
from gateway.documents import (
    HealthDocument,
    MetricsDocument,
    OutcomeRequest,
    OutcomesDocument,
    ReloadDocument,
    ReloadRequest,
    ServedModelDocument,
    problem_responses,
)
from gateway.gate import check_operator
from gateway.lookup import PredictionLookup
from gateway.outcomes import publish_outcomes
from gateway.overview import Overview
from gateway.problems import problem
from gateway.served_domain import ServedDomain
from operations.command_sender import CommandSender
from operations.keys import ApiKey
from operations.reports import newest_report
from schemas.commands import Reload, ReloadData
from schemas.drift import DriftEvent, DriftReport
from schemas.errors import NothingReportedError

_RELOADS = 4
_TEXT_TYPES = ("text/plain", "application/openmetrics-text")


def caller_of(request: Request) -> ApiKey:
    """The caller, whom the gate has admitted."""
    caller: ApiKey = request.scope["state"]["caller"]
    return caller


class DomainRoutes:
    """The routes of one domain.

    Args:
        served: the domain.
        registry: metrics of the gateway.
    """

    def __init__(self, served: ServedDomain, registry: CollectorRegistry) -> None:
        self._served = served
        self._registry = registry
        # reloads wait for long, and must not take the threads of the other routes
        self._reloads = CapacityLimiter(_RELOADS)
        self._overview, self._lookup = Overview(served), PredictionLookup(served)

    def router(self) -> APIRouter:
        """Their router, without a prefix."""
        router = APIRouter()
        text: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
        router.add_api_route("/health", self.health, summary="State of the domain")
        router.add_api_route(
            "/metrics",
            self.metrics,
            response_model=MetricsDocument,
            summary="Figures, or Prometheus's text where the client accepts text",
            responses=problem_responses(401, 403, 429, 503) | text,
        )
        router.add_api_route(
            "/model/info", self.model, summary="The model", responses=problem_responses(401, 403, 429, 503)
        )
        router.add_api_route(
            "/drift",
            self.drift,
            summary="The newest drift report",
            responses=problem_responses(401, 403, 404, 429, 503),
        )
        router.add_api_route(
            "/admin/reload",
            self.reload,
            methods=["POST"],
            summary="Activate a model (operators)",
            responses=problem_responses(400, 401, 403, 404, 409, 413, 415, 422, 429, 503, 504),
        )
        router.add_api_route(
            "/predictions/{listing_id:path}",
            self.prediction,
            summary="The prediction that a listing got",
            responses=problem_responses(400, 401, 403, 404, 413, 422, 429, 503),
        )
        router.add_api_route(
            "/outcomes",
            self.outcomes,
            methods=["POST"],
            status_code=202,
            summary="Report the true values of listings",
            responses=problem_responses(400, 401, 403, 413, 415, 422, 429, 503),
        )
        return router

    def health(self) -> HealthDocument:
        """Healthy, warning if an operator should look, degraded if nothing scores."""
        return self._overview.health()

    def metrics(self, request: Request) -> Any:
        """Predictions of the domain over all consumers, and times of this gateway's answers."""
        accepted = request.headers.get("accept", "")
        if "application/json" not in accepted and any(kind in accepted for kind in _TEXT_TYPES):
            return Response(generate_latest(self._registry), media_type="text/plain; version=0.0.4; charset=utf-8")
        return self._overview.metrics()

    def model(self) -> ServedModelDocument:
        """The version that consumers are meant to run, those that they run, and the features of a listing."""
        return self._overview.model()

    def drift(self) -> DriftReport:
        """As the monitor wrote it."""
        served = self._served
        try:
            return newest_report(served.operations_client, served.streams, DriftEvent, served.domain.name).data
        except NothingReportedError as error:
            raise problem(404, "nothing_reported", str(error)) from error

    async def reload(self, request: Request, wanted: Annotated[ReloadRequest | None, Body()] = None) -> ReloadDocument:
        """Send a command to the training worker, which checks the version first, and wait for its answer."""
        served, caller = self._served, caller_of(request)
        check_operator(caller)
        wanted = wanted or ReloadRequest()
        if wanted.version and wanted.alias:
            raise problem(422, "invalid_value", "name a version or an alias, not both")
        if wanted.force != bool(wanted.reason):
            raise problem(422, "invalid_value", "force and reason require each other")
        data = ReloadData(version=wanted.version, alias=wanted.alias, force=wanted.force, reason=wanted.reason)
        sender = CommandSender(served.operations_client, served.streams, served.domain.name)
        command = Reload(actor=f"gateway/{caller.name}", data=data)
        activate = partial(sender.activate, command, wanted.timeout_s, wait=wanted.wait)
        done = await to_thread.run_sync(activate, limiter=self._reloads)
        return ReloadDocument(
            command_id=done.command_id,
            model_version=done.version,
            activation=done.entry,
            champion=done.champion,
            confirmed=None if done.confirmed is None else dict(done.confirmed),
        )

    async def prediction(
        self,
        request: Request,
        listing_id: str,
        source: Annotated[str | None, Query(description="of the listing; only an operator may name another's")] = None,
    ) -> Response:
        """The prediction of a listing by its id; a refusal is answered with the status of that refusal."""
        caller = caller_of(request)
        own = f"gateway/{caller.name}"
        if source not in {None, own}:
            check_operator(caller)
        return JsonAnswer(await self._lookup.find(own if source is None else source, listing_id))

    async def outcomes(
        self, request: Request, reported: Annotated[OutcomeRequest | list[OutcomeRequest], Body()]
    ) -> OutcomesDocument:
        """Publish one outcome, or a list of them; the monitor joins them with their predictions."""
        many, limit = reported if isinstance(reported, list) else [reported], self._served.settings.gateway.max_batch
        if not 0 < len(many) <= limit:
            raise problem(422, "invalid_value", f"report 1 to {limit:,} outcomes")
        return await publish_outcomes(self._served, many, caller_of(request))
