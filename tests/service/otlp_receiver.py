"""An OTLP receiver in the test's process, which keeps the spans that it gets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from schemas.settings import Settings
from tests.waiting import wait_until


@dataclass(frozen=True)
class ReceivedSpan:
    """A span with ids in hexadecimal; `parent` is empty for the first one of a trace."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    links: list[tuple[str, str]]
    attributes: dict[str, Any]
    seconds: float


@dataclass
class OtlpReceiver:
    """What a receiver got.

    Attributes:
        url: its address.
        spans: in the order in which they came.
    """

    url: str
    spans: list[ReceivedSpan] = field(default_factory=list)

    def named(self, name: str) -> list[ReceivedSpan]:
        """All spans of a name."""
        return [span for span in self.spans if span.name == name]

    def wait_for(self, name: str) -> ReceivedSpan:
        """The first span of a name, once it has come."""
        return wait_until(lambda: self.named(name), 20, f"a span {name!r} among {[span.name for span in self.spans]}")[
            0
        ]

    def add(self, body: bytes) -> None:
        """Keep the spans of a request."""
        request = ExportTraceServiceRequest.FromString(body)
        for group in request.resource_spans:
            service = _values(group.resource.attributes)["service.name"]
            self.spans += [_received(service, span) for scope in group.scope_spans for span in scope.spans]


def _received(service: str, span: Any) -> ReceivedSpan:
    return ReceivedSpan(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
        _values(span.attributes),
        (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def receiving() -> Iterator[OtlpReceiver]:
    """Run a receiver on a free port of loopback."""

    received = OtlpReceiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.add(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(ExportTraceServiceResponse().SerializeToString())

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[OtlpReceiver]:
    """A receiver, to which processes of the test send each 50 ms."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with receiving() as running:
        yield running


def traced(settings: Settings, receiver: OtlpReceiver, share: float = 1.0) -> Settings:
    """Settings with traces."""
    tracing = settings.tracing.model_copy(update={"endpoint": receiver.url, "share": share})
    return settings.model_copy(update={"tracing": tracing})


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"
