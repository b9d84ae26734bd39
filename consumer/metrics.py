"""Prometheus metrics of a consumer, recorded once a batch: nothing here costs time for each event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
)

from consumer.arm_scores import FALLBACK_CAUSES
from consumer.histogram import WeightedHistogram
from consumer.lookup import LOOKUP_RESULTS
from consumer.replies import REPLY_RESULTS
from consumer.requests import REQUEST_RESULTS
from schemas.domain import Domain
from schemas.refusals import Reason
from schemas.rollouts import ArmName
from transport.entries import EntryId

PRICE_KINDS = ("very_low", "usual", "very_high")
"""Of a regression's predictions: below, within and above the range of nearly all training rows."""

PAIR_RESULTS = ("written", "failed", "forbidden")
"""What became of the pairs of a rollout: written; not written, for a reason such as a key of the wrong type; not
written because the user may not write them."""

STAGES = ("decode", "score", "commit")
_STAGE_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_AGE_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_BATCH_BOUNDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
_AGES_A_BATCH = 16


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """What one commit did, for the metrics.

    Attributes:
        entry_ids: of the entries answered by this commit, in the order of the stream.
        answered_ms: when, in milliseconds of Redis's clock.
        scored: how many got a prediction.
        repeated: how many were dropped as repeats.
        refused: dead letters by reason.
        imputed: rows in which a feature was filled, by feature.
        unusual: rows in which a feature was outside what training saw, by feature.
        kinds: predictions by kind (`prediction_kinds`).
        stored: values that were taken from the store, by feature.
        invalid_stored: stored values that were not valid, by feature.
        lookups: rows that were looked up in the store, by result (`consumer.lookup.LOOKUP_RESULTS`).
        fenced: entries that another consumer had answered, for which this commit wrote nothing.
        replies: replies by what became of them (`consumer.replies.REPLY_RESULTS`).
        requests: requests for explanations by what became of them (`consumer.requests.REQUEST_RESULTS`).
        pairs: pairs of a rollout by what became of them (`PAIR_RESULTS`).
        arms: predictions during a rollout by the model that made them.
        fallbacks: those that the champion made in the challenger's place, by cause (`FALLBACK_CAUSES`).
    """

    entry_ids: Sequence[bytes]
    answered_ms: int
    scored: int
    repeated: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    imputed: Mapping[str, int] = field(default_factory=dict)
    unusual: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    stored: Mapping[str, int] = field(default_factory=dict)
    invalid_stored: Mapping[str, int] = field(default_factory=dict)
    lookups: Mapping[str, int] = field(default_factory=dict)
    fenced: int = 0
    replies: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    pairs: Mapping[str, int] = field(default_factory=dict)
    arms: Mapping[str, int] = field(default_factory=dict)
    fallbacks: Mapping[str, int] = field(default_factory=dict)


def prediction_kinds(domain: Domain) -> tuple[str, ...]:
    """The kinds of predictions that are counted: the classes, or how a price compares with those in training."""
    return domain.target.classes or PRICE_KINDS


class ConsumerMetrics:
    """The metrics of one consumer.

    Args:
        domain: whose listings it scores.
        consumer: its name.
        registry: where the metrics are registered (`build_registry`).
    """

    def __init__(self, domain: Domain, consumer: str, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, label: str, values: Sequence[str]) -> dict[str, Counter]:
            family = Counter(name, text, [label], registry=registry)
            return {value: family.labels(value) for value in values}  # so that each series begins at 0

        events = ("scored", "repeated", "refused")
        self._events = counter("tasador_events", "Entries answered, by outcome", "outcome", events)
        self._refused = counter("tasador_dead_letters", "Entries refused, by reason", "reason", tuple(Reason))
        self._imputed = counter("tasador_imputed_values", "Missing values filled", "feature", domain.columns)
        self._unusual = counter("tasador_unusual_values", "Values outside training's range", "feature", domain.columns)
        self._stored = counter("tasador_stored_values", "Values taken from the store", "feature", domain.columns)
        self._invalid_stored = counter(
            "tasador_invalid_stored_values", "Stored values refused", "feature", domain.columns
        )
        self._lookups = counter(
            "tasador_feature_lookups", "Listings looked up in the store, by result", "result", LOOKUP_RESULTS
        )
        kinds = prediction_kinds(domain)
        self._kinds = counter("tasador_predictions", "Predictions, by class or by how usual they are", "kind", kinds)
        self._replies = counter("tasador_replies", "Replies to askers, by what became of them", "result", REPLY_RESULTS)
        about_requests = "Requests for explanations, by what became of them"
        self._requests = counter("tasador_explain_requests", about_requests, "result", REQUEST_RESULTS)
        self._pairs = counter(
            "tasador_rollout_pairs", "Pairs of a rollout, by what became of them", "result", PAIR_RESULTS
        )
        arms = get_args(ArmName)
        self._arms = counter("tasador_rollout_predictions", "Predictions during a rollout, by model", "model", arms)
        about_fallbacks = "Answers of the champion in the challenger's place, by cause"
        self._fallbacks = counter("tasador_rollout_fallbacks", about_fallbacks, "cause", FALLBACK_CAUSES)
        self._swaps = counter("tasador_model_swaps", "Models loaded or rejected", "result", ("swapped", "rejected"))
        self._fenced = Counter(
            "tasador_fenced_entries", "Entries that another consumer had answered", registry=registry
        )
        self._claimed = Counter("tasador_claimed_entries", "Entries claimed from other consumers", registry=registry)
        self._lost = Counter("tasador_lost_entries", "Entries acknowledged without an answer", registry=registry)
        self._retries = Counter("tasador_commit_retries", "Commits sent again", registry=registry)
        self._batch = Histogram(
            "tasador_batch_entries", "Entries answered at once", buckets=_BATCH_BOUNDS, registry=registry
        )
        stages = Histogram(
            "tasador_stage_seconds", "Time of a batch, by stage", ["stage"], buckets=_STAGE_BOUNDS_S, registry=registry
        )
        self._stages = {stage: stages.labels(stage) for stage in STAGES}
        self._ages = WeightedHistogram(
            "tasador_entry_age_seconds", "Age of an entry when it was answered", _AGE_BOUNDS_S, registry
        )
        self._without_age = Counter(
            "tasador_entries_without_age", "Entries whose id was later than their answer", registry=registry
        )
        self._backlog = Gauge("tasador_backlog_entries", "Undelivered and pending; NaN when unknown", registry=registry)
        self._oldest = Gauge("tasador_oldest_pending_seconds", "Age of the oldest pending entry", registry=registry)
        self._key = Gauge(
            "tasador_key_feature", "1 for the feature that predictions depend on most", ["feature"], registry=registry
        )
        self._held = Gauge(
            "tasador_held_listings",
            "Listings kept because a foreign group has not read them",
            ["group"],
            registry=registry,
        )
        self._model = Info("tasador_model", "The model that scores", registry=registry)
        Info("tasador_consumer", "Domain and name of this consumer", registry=registry).info(
            {"domain": domain.name, "consumer": consumer}
        )
        self.set_backlog(None, None)

    def record_batch(self, figures: BatchFigures) -> None:
        """Count what a commit answered; ages are sampled: at most 16 entries, each standing for its neighbours."""
        for outcome, count in (("scored", figures.scored), ("repeated", figures.repeated)):
            self._events[outcome].inc(count)
        self._events["refused"].inc(sum(figures.refused.values()))
        _add(self._refused, figures.refused)
        _add(self._imputed, figures.imputed)
        _add(self._unusual, figures.unusual)
        _add(self._kinds, figures.kinds)
        _add(self._stored, figures.stored)
        _add(self._invalid_stored, figures.invalid_stored)
        _add(self._lookups, figures.lookups)
        self._fenced.inc(figures.fenced)
        _add(self._replies, figures.replies)
        _add(self._requests, figures.requests)
        _add(self._pairs, figures.pairs)
        _add(self._arms, figures.arms)
        _add(self._fallbacks, figures.fallbacks)
        if answered := len(figures.entry_ids):
            self._batch.observe(answered)
            self._record_ages(figures.entry_ids, figures.answered_ms)

    def _record_ages(self, entry_ids: Sequence[bytes], answered_ms: int) -> None:
        stride = -(-len(entry_ids) // _AGES_A_BATCH)
        for position in range(0, len(entry_ids), stride):
            age_ms = EntryId.parse(entry_ids[position]).age_ms(answered_ms)
            weight = min(stride, len(entry_ids) - position)
            if age_ms is None:
                self._without_age.inc(weight)
            else:
                self._ages.observe(age_ms / 1000, weight)

    def record_stage(self, stage: Literal["decode", "score", "commit"], seconds: float) -> None:
        """How long a batch spent in a stage."""
        self._stages[stage].observe(seconds)

    def record_claims(self, entries: int) -> None:
        """Entries were claimed from a dead consumer, or from an earlier process of this name."""
        self._claimed.inc(entries)

    def record_commit_retry(self) -> None:
        """A commit was sent again because its reply was lost or Redis could not write."""
        self._retries.inc()

    def record_lost(self, entries: int) -> None:
        """Entries were acknowledged by a client that did not answer them."""
        self._lost.inc(entries)

    def record_swap(self, version: str, activation: str, key_feature: str | None = None) -> None:
        """This model scores from now on."""
        self._swaps["swapped"].inc()
        self._key.clear()
        if key_feature is not None:
            self._key.labels(key_feature).set(1)
        self._model.info({"version": version, "activation": activation})

    def record_rejected_swap(self) -> None:
        """A desired model was rejected."""
        self._swaps["rejected"].inc()

    def set_backlog(self, entries: int | None, oldest_pending_s: float | None) -> None:
        """Set the backlog; None if Redis did not answer. The age is 0 if nothing is pending."""
        self._backlog.set(nan if entries is None else entries)
        self._oldest.set(nan if oldest_pending_s is None else oldest_pending_s)

    def set_held(self, held: Mapping[str, int | None]) -> None:
        """Set which groups block trimming, and how many listings each has not read; None if unknown."""
        self._held.clear()
        for group, entries in held.items():
            self._held.labels(group).set(nan if entries is None else entries)


def _add(counters: Mapping[str, Counter], counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        counters[name].inc(count)
