"""Prometheus metrics of an explainer."""

from __future__ import annotations

from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from explainer.answering import AnsweredRequests

ANSWER_KINDS = ("explained", "unexplained")
_TIMES_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class ExplainerMetrics:
    """The metrics of one explainer.

    Args:
        registry: where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        answers = Counter("tasador_explanations", "Requests answered, by kind of answer", ["kind"], registry=registry)
        self._answers = {kind: answers.labels(kind) for kind in ANSWER_KINDS}
        self._fenced = Counter(
            "tasador_fenced_requests", "Requests that another explainer had answered", registry=registry
        )
        self._gone = Counter(
            "tasador_gone_requests", "Requests that were deleted while they were pending", registry=registry
        )
        self._waiting = Gauge("tasador_waiting_requests", "Requests without an answer", registry=registry)
        self._waiting_by_shard: dict[int, int] = {}
        self._seconds = Histogram(
            "tasador_explanation_seconds", "Time to explain one listing", registry=registry, buckets=_TIMES_S
        )
        self._method = Gauge(
            "tasador_explanation_method",
            "1 for the method of the model loaded last",
            ["version", "method"],
            registry=registry,
        )

    def record_loaded(self, version: str, method: str) -> None:
        """A model was loaded."""
        self._method.clear()
        self._method.labels(version, method).set(1)

    def record_answers(self, answered: AnsweredRequests, fenced: Collection[bytes]) -> None:
        """Answers were written, except for those that another explainer had given."""
        own = answered.answers.keys() - fenced
        explained = len(answered.explained & own)
        gone = sum(not answered.answers[entry_id] for entry_id in own)
        self._answers["explained"].inc(explained)
        self._answers["unexplained"].inc(len(own) - explained - gone)
        self._gone.inc(gone)
        self._fenced.inc(len(fenced))
        for _ in answered.explained:
            self._seconds.observe(answered.seconds / len(answered.explained))

    def set_waiting(self, shard: int, count: int) -> None:
        """So many requests of a shard have no answer."""
        self._waiting_by_shard[shard] = count
        self._waiting.set(sum(self._waiting_by_shard.values()))
