"""Spans of one process, exported over OTLP. Without an endpoint nothing is imported, made or sent.

A batch gets one span. It belongs to no trace of its listings, of which there are many, and links to them instead:
events whose trace is sampled are chosen before links are made, and at most `MAX_LINKS` of them. A process that works
through many batches a second makes spans of some of them, `MIN_INTERVAL_S` apart, so that the cost has a bound.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from schemas.settings import Settings
from service.trace_context import is_traceparent

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

MAX_LINKS = 10
MIN_INTERVAL_S = 0.05
_EXPORT_TIMEOUT_S = 2
_SAMPLED = "13579bdf"


class Traceable(Protocol):
    """An event that may carry a trace context."""

    @property
    def traceparent(self) -> str | None:
        """As W3C Trace Context writes it."""


class BatchSpan(Protocol):
    """The span of a batch, while its block runs."""

    def end_with(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """Let the span last until the task has ended; returns the task."""


class _NoSpan:
    def end_with(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        return task


class _RecordedSpan:
    def __init__(self, span: Any) -> None:
        self._span = span
        self.is_held = False

    def end_with(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        self.is_held = True
        task.add_done_callback(lambda _: self._span.end())
        return task


_NO_SPAN = _NoSpan()


class Tracing:
    """Makes the spans of one process.

    Args:
        provider: exports them; None for no tracing.
        share: of the requests that are traced if their callers do not decide.
    """

    def __init__(self, provider: TracerProvider | None = None, share: float = 0.0) -> None:
        self._provider = provider
        self._share = share
        self._tracer = provider.get_tracer("tasador") if provider else None
        self._next_s = 0.0

    @property
    def is_on(self) -> bool:
        """Whether spans are exported at all."""
        return self._provider is not None

    @contextmanager
    def batch(self, name: str, events: Sequence[Traceable]) -> Iterator[BatchSpan]:
        """Make a block the span of a batch, if the trace of any of its events is sampled and no span began just now."""
        if self._tracer is None or time.monotonic() < self._next_s or not (traceparents := _choose(events)):
            yield _NO_SPAN
            return
        self._next_s = time.monotonic() + MIN_INTERVAL_S
        from opentelemetry import trace

        attributes: dict[str, Any] = {"messaging.system": "redis", "messaging.batch.message_count": len(events)}
        links = [trace.Link(_span_context(each)) for each in traceparents]
        span = self._tracer.start_span(name, kind=trace.SpanKind.CONSUMER, attributes=attributes, links=links)
        batch = _RecordedSpan(span)
        try:
            with trace.use_span(span):
                yield batch
        finally:
            if not batch.is_held:
                span.end()

    @contextmanager
    def request(self, name: str, given: str) -> Iterator[dict[str, Any]]:
        """Make a block the span of a request, if its caller or the share decides so.

        Args:
            name: of the span.
            given: the caller's `traceparent`; empty or anything else if there is none.

        Yields:
            Attributes that the span gets at its end.
        """
        attributes: dict[str, Any] = {}
        traceparent = given if is_traceparent(given) else ""
        if self._tracer is None or not (_is_sampled(traceparent) if traceparent else random.random() < self._share):  # noqa: S311
            yield attributes
            return
        from opentelemetry import trace

        parent = trace.set_span_in_context(trace.NonRecordingSpan(_span_context(traceparent))) if traceparent else None
        with self._tracer.start_as_current_span(name, context=parent, kind=trace.SpanKind.SERVER) as span:
            try:
                yield attributes
            finally:
                span.set_attributes(attributes)

    def middlewares(self) -> list[Any]:
        """FastStream's own middleware, for commands and events; empty without tracing."""
        if self._provider is None:
            return []
        from faststream.redis.opentelemetry import RedisTelemetryMiddleware

        return [RedisTelemetryMiddleware(tracer_provider=self._provider)]

    async def aclose(self) -> None:
        """Send what is left, in a thread; waits for at most a few seconds for a receiver that does not answer."""
        if self._provider:
            await asyncio.to_thread(self._provider.shutdown)


NO_TRACING = Tracing()


def open_tracing(settings: Settings, kind: str, name: str) -> Tracing:
    """The tracing of a process, as the settings have it.

    Args:
        settings: of the process.
        kind: consumer, monitor, trainer, explainer or gateway.
        name: of the process.
    """
    if settings.tracing.endpoint is None:
        return NO_TRACING
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create(
        {"service.name": f"tasador-{kind}", "service.namespace": settings.domain, "service.instance.id": name}
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{settings.tracing.endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracing(provider, settings.tracing.share)


def _choose(events: Sequence[Traceable]) -> list[str]:
    """The distinct trace contexts of events that are sampled, at most `MAX_LINKS`."""
    carried = [traceparent for event in events if (traceparent := event.traceparent)]
    return list(dict.fromkeys(filter(_is_sampled, carried)))[:MAX_LINKS] if carried else []


def _is_sampled(traceparent: str) -> bool:
    """Whether the lowest of the flags is set."""
    return traceparent[-1] in _SAMPLED


def _span_context(traceparent: str) -> Any:
    from opentelemetry import trace

    _, trace_id, span_id, _ = traceparent.split("-")
    return trace.SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED)
    )
