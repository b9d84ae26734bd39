"""Serves the application of a gateway with uvicorn, within the limits of its settings."""

from __future__ import annotations

import socket
import ssl

from gateway.application import GatewayApp
from gateway.wire import GatewayProtocol
from schemas.errors import ConfigurationError
from schemas.gateway_settings import GatewaySettings
from service.application import serve

_KEEP_ALIVE_S = 60


def serve_gateway(app: GatewayApp, listener: socket.socket, settings: GatewaySettings) -> None:
    """Run the application on the socket until it is stopped; raises as `service.application.serve`."""
    certificate, key = settings.tls_certificate, settings.tls_key
    serve(
        app,
        listener,
        http=GatewayProtocol.made_for(settings.request_timeout_s, app.take),
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=_KEEP_ALIVE_S,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=certificate and str(certificate),
        ssl_keyfile=key and str(key),
    )


def check_certificate(settings: GatewaySettings) -> None:
    """Check that the files for HTTPS, if there are any, can be read and belong together.

    Raises:
        ConfigurationError: they cannot be used.
    """
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None:
        return
    try:
        # without a password, OpenSSL would ask for that of an encrypted key on the terminal
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password="")
    except OSError as error:  # of which an SSLError is one
        cause = getattr(error, "reason", None) or error.strerror or str(error)
        raise ConfigurationError(
            f"gateway.tls_certificate {certificate} and gateway.tls_key {key} cannot be used together: {cause}"
        ) from error
