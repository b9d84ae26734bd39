"""Serves the application of a gateway with uvicorn, within the limits of its settings."""

from __future__ import annotations

import socket

from gateway.application import GatewayApp
from gateway.wire import GatewayProtocol
from schemas.gateway_settings import GatewaySettings
from service.application import serve

_KEEP_ALIVE_S = 60


def serve_gateway(app: GatewayApp, listener: socket.socket, settings: GatewaySettings) -> None:
    """Run the application on the socket until it is stopped; raises as `service.application.serve`."""
    certificate, key = settings.tls_certificate, settings.tls_key
    serve(
        app,
        listener,
        http=GatewayProtocol.with_timeout(settings.request_timeout_s),
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=_KEEP_ALIVE_S,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=certificate and str(certificate),
        ssl_keyfile=key and str(key),
    )
