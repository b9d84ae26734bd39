from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from consumer.metrics import BatchFigures, ConsumerMetrics
from schemas.domain import load_domain
from service.metrics import build_registry


@pytest.fixture
def registry() -> CollectorRegistry:
    return build_registry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> ConsumerMetrics:
    return ConsumerMetrics(load_domain("housing"), "a1", registry)


def _ids(*times_ms: int) -> list[bytes]:
    return [f"{ms}-0".encode() for ms in times_ms]


def test_a_batch_is_counted_by_outcome_reason_and_feature(
    metrics: ConsumerMetrics, registry: CollectorRegistry
) -> None:
    figures = BatchFigures(
        _ids(*[1000] * 6),
        answered_ms=1000,
        scored=3,
        repeated=1,
        refused={"poison": 2},
        imputed={"CRIM": 2},
        unusual={"RM": 1},
        kinds={"very_low": 0, "usual": 2, "very_high": 1},
        fenced=4,
    )
    metrics.record_batch(figures)
    metrics.record_batch(figures)
    read = registry.get_sample_value
    for outcome, count in {"scored": 6, "repeated": 2, "refused": 4}.items():
        assert read("tasador_events_total", {"outcome": outcome}) == count
    assert read("tasador_dead_letters_total", {"reason": "poison"}) == 4
    assert read("tasador_imputed_values_total", {"feature": "CRIM"}) == 4
    assert read("tasador_unusual_values_total", {"feature": "RM"}) == 2
    assert read("tasador_predictions_total", {"kind": "very_high"}) == 2
    assert read("tasador_fenced_entries_total") == 8
    assert read("tasador_batch_entries_sum") == 12


def test_ages_are_sampled_and_weighted(metrics: ConsumerMetrics, registry: CollectorRegistry) -> None:
    metrics.record_batch(BatchFigures(_ids(*[1000] * 500, *[1990] * 500), answered_ms=2000, scored=1000))
    read = registry.get_sample_value
    assert read("tasador_entry_age_seconds_count") == 1000
    assert read("tasador_entry_age_seconds_bucket", {"le": "0.01"}) == pytest.approx(500, abs=63)
    assert read("tasador_entry_age_seconds_bucket", {"le": "1.0"}) == 1000


def test_an_entry_whose_id_is_later_than_its_answer_has_no_age(
    metrics: ConsumerMetrics, registry: CollectorRegistry
) -> None:
    metrics.record_batch(BatchFigures(_ids(900, 31_536_001_000), answered_ms=1000, scored=2))
    read = registry.get_sample_value
    assert (read("tasador_entry_age_seconds_count"), read("tasador_entry_age_seconds_sum")) == (1, 0.1)
    assert read("tasador_entries_without_age_total") == 1


def test_a_batch_without_outcomes_counts_only_as_fenced(metrics: ConsumerMetrics, registry: CollectorRegistry) -> None:
    metrics.record_batch(BatchFigures([], answered_ms=2000, scored=0, fenced=10))
    assert registry.get_sample_value("tasador_batch_entries_count") == 0
    assert registry.get_sample_value("tasador_fenced_entries_total") == 10


def test_every_series_begins_at_zero_and_none_is_a_creation_time(
    metrics: ConsumerMetrics, registry: CollectorRegistry
) -> None:
    text = generate_latest(registry).decode()
    assert 'tasador_dead_letters_total{reason="rate_limited"} 0.0' in text
    assert 'tasador_stage_seconds_bucket{le="0.0005",stage="commit"} 0.0' in text
    assert "tasador_backlog_entries NaN" in text
    assert "_created" not in text


def test_swap_metrics_name_the_current_model(metrics: ConsumerMetrics, registry: CollectorRegistry) -> None:
    metrics.record_swap("7", "1-0")
    metrics.record_swap("8", "2-0")
    metrics.record_rejected_swap()
    read = registry.get_sample_value
    assert read("tasador_model_info", {"version": "7", "activation": "1-0"}) is None
    assert read("tasador_model_info", {"version": "8", "activation": "2-0"}) == 1
    assert read("tasador_model_swaps_total", {"result": "swapped"}) == 2
    assert read("tasador_model_swaps_total", {"result": "rejected"}) == 1


def test_the_backlog_can_become_unknown(metrics: ConsumerMetrics, registry: CollectorRegistry) -> None:
    metrics.set_backlog(12, 0.5)
    assert registry.get_sample_value("tasador_backlog_entries") == 12
    assert registry.get_sample_value("tasador_oldest_pending_seconds") == 0.5
    metrics.set_backlog(None, None)
    assert math.isnan(registry.get_sample_value("tasador_backlog_entries") or 0)


def test_recovery_is_counted(metrics: ConsumerMetrics, registry: CollectorRegistry) -> None:
    metrics.record_claims(30)
    metrics.record_commit_retry()
    metrics.record_stage("decode", 0.0004)
    assert registry.get_sample_value("tasador_claimed_entries_total") == 30
    assert registry.get_sample_value("tasador_commit_retries_total") == 1
    assert registry.get_sample_value("tasador_stage_seconds_bucket", {"stage": "decode", "le": "0.0005"}) == 1


def test_the_key_feature_is_that_of_the_current_model(metrics: ConsumerMetrics, registry: CollectorRegistry) -> None:
    metrics.record_swap("1", "1-0", "LSTAT")
    metrics.record_swap("2", "2-0", "RM")
    assert registry.get_sample_value("tasador_key_feature", {"feature": "RM"}) == 1
    assert registry.get_sample_value("tasador_key_feature", {"feature": "LSTAT"}) is None
