"""`/livez` and `/readyz`, as every process serves them."""

from __future__ import annotations

from fastapi import APIRouter, Response

from gateway.documents import LiveDocument, ReadyDocument
from service.health import Health


def probe_routes(health: Health) -> APIRouter:
    """The router of a process's probes."""
    router = APIRouter()

    @router.get("/livez", summary="Whether the process runs", responses={503: {"model": LiveDocument}})
    def livez(response: Response) -> LiveDocument:
        response.status_code = 200 if health.is_living else 503
        return LiveDocument(live=health.is_living)

    @router.get("/readyz", summary="Whether the process can work", responses={503: {"model": ReadyDocument}})
    def readyz(response: Response) -> ReadyDocument:
        response.status_code = 200 if health.is_ready else 503
        return ReadyDocument(ready=health.is_ready, reasons=list(health.reasons))

    return router
