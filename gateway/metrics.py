"""What a gateway measures: requests by status, and the times of its answers."""

from __future__ import annotations

import time
from collections import deque

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.frozen_model import FrozenModel

_KEPT = 10_000
_ERRORS = 400
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class AnswerTimes(FrozenModel):
    """Times of the latest answers with a prediction, in seconds."""

    avg: float
    p50: float
    p95: float
    p99: float


class GatewayMetrics:
    """Metrics of one gateway.

    Args:
        registry: where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "tasador_gateway_requests",
            "requests by domain and status of the answer",
            ["domain", "status"],
            registry=registry,
        )
        self._listings = Counter(
            "tasador_gateway_listings",
            "listings in requests, by domain and result",
            ["domain", "result"],
            registry=registry,
        )
        self._seconds = Histogram(
            "tasador_gateway_answer_seconds",
            "time from the arrival of a request to its answer with predictions, by domain",
            ["domain"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._waiting = Gauge(
            "tasador_gateway_waiting_requests",
            "requests that wait for answers of consumers, by domain",
            ["domain"],
            registry=registry,
        )

    def of_domain(self, domain: str) -> DomainMetrics:
        """The metrics of one domain."""
        return DomainMetrics(domain, self._requests, self._listings, self._seconds, self._waiting)


class DomainMetrics:
    """What is measured of one domain's requests.

    Attributes:
        answered: requests that were answered.
        refused: of these, with an error status.
        waiting: requests that wait for answers of consumers.
    """

    def __init__(self, domain: str, requests: Counter, listings: Counter, seconds: Histogram, waiting: Gauge) -> None:
        self._domain = domain
        self._requests = requests
        self._counts: dict[int, Counter] = {}
        self._predicted = listings.labels(domain, "predicted")
        self._refused = listings.labels(domain, "refused")
        self._unanswered = listings.labels(domain, "unanswered")
        self._seconds = seconds.labels(domain)
        self.waiting = 0
        waiting.labels(domain).set_function(lambda: self.waiting)
        self._times: deque[float] = deque(maxlen=_KEPT)
        self.answered = self.refused = 0

    def record_request(self, status: int) -> None:
        """Count a request by the status of its answer."""
        count = self._counts.get(status)
        if count is None:
            count = self._counts[status] = self._requests.labels(self._domain, status)
        count.inc()
        self.answered += 1
        self.refused += status >= _ERRORS

    def record_answer(self, started_s: float, *, predicted: int, refused: int = 0, unanswered: int = 0) -> float:
        """Record an answer to listings; returns its time in seconds since `started_s` (`time.perf_counter`)."""
        seconds = time.perf_counter() - started_s
        if predicted:
            self._predicted.inc(predicted)
            self._seconds.observe(seconds)
            self._times.append(seconds)
        if refused:
            self._refused.inc(refused)
        if unanswered:
            self._unanswered.inc(unanswered)
        return seconds

    @property
    def times(self) -> AnswerTimes | None:
        """The times of the latest 10,000 answers with predictions; None before the first."""
        if not self._times:
            return None
        ordered = sorted(self._times)
        last = len(ordered) - 1
        p50, p95, p99 = (ordered[round(share * last)] for share in (0.5, 0.95, 0.99))
        return AnswerTimes(avg=sum(ordered) / len(ordered), p50=p50, p95=p95, p99=p99)
