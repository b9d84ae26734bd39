"""The trace context that events carry: `traceparent`, as W3C Trace Context and CloudEvents name it.

It costs nothing in a process without OpenTelemetry: only what has been imported can have a current span.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import msgspec

from schemas.events import TRACEPARENT_PATTERN

_matches = re.compile(TRACEPARENT_PATTERN.removesuffix("$")).fullmatch
_API = "opentelemetry.trace"


def is_traceparent(text: str) -> bool:
    """Whether a text is a `traceparent`."""
    return _matches(text) is not None


class TracedEvent(msgspec.Struct, gc=False):
    """What tracing reads of an event.

    Attributes:
        traceparent: None if the event has none, or one that cannot be read.
    """

    traceparent: Any = None


def read_traced_event(payload: bytes | None) -> TracedEvent:
    """The trace context of an event's JSON, whatever else is wrong with it."""
    try:
        event = msgspec.json.decode(payload or b"{}", type=TracedEvent)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return TracedEvent()
    return event if isinstance(event.traceparent, str) and is_traceparent(event.traceparent) else TracedEvent()


def trace_headers(payload: bytes | None) -> dict[str, str]:
    """An event's trace context as headers, where FastStream's middleware looks for it."""
    traceparent = read_traced_event(payload).traceparent
    return {"traceparent": traceparent} if traceparent else {}


def current_trace() -> tuple[str, str] | None:
    """The ids of the current trace and span in hexadecimal; None outside of a span that is recorded."""
    api: Any = sys.modules.get(_API)
    if api is None:
        return None
    context = api.get_current_span().get_span_context()
    if not context.is_valid or not context.trace_flags.sampled:
        return None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def current_traceparent() -> str | None:
    """The `traceparent` of the current span; None outside of a span that is recorded."""
    ids = current_trace()
    return f"00-{ids[0]}-{ids[1]}-01" if ids else None


def trace_attributes() -> dict[str, str]:
    """The attributes that an event takes from the current span; empty outside of one."""
    traceparent = current_traceparent()
    return {"traceparent": traceparent} if traceparent else {}
